import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss, accuracy_score

np.random.seed(3)
torch.manual_seed(3)
imgs, lab = load_digits(return_X_y=True)
o = np.random.permutation(len(imgs))
imgs, lab = imgs[o] / 16.0, lab[o]
split = {"train": slice(0, 900), "valid": slice(900, 1300), "test": slice(1300, None)}
centre = imgs[split["train"]].mean()
T = {k: (torch.tensor(imgs[s] - centre, dtype=torch.float32) / 0.376, torch.tensor(lab[s])) for k, s in split.items()}


class LSTMDigits(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 48, batch_first=True)
        self.dec = nn.Linear(48, 10)

    def forward(self, x):
        _, (h, _) = self.rnn(x.view(-1, 8, 8))
        return self.dec(h[-1])


def probabilities(net, part):
    net.eval()
    with torch.no_grad():
        return F.softmax(net(T[part][0]), dim=1).numpy()


net = LSTMDigits()
optimiser = torch.optim.Adam(net.parameters(), lr=0.015)
best = {"loss": float("inf"), "epoch": -1, "params": None}
for epoch in range(11):
    net.train()
    xs, ys = T["train"]
    for batch in np.array_split(np.random.permutation(900), 20):
        loss = F.cross_entropy(net(xs[batch]), ys[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    vl = log_loss(T["valid"][1].numpy(), probabilities(net, "valid"), labels=range(10))
    if vl < best["loss"]:
        best = {"loss": vl, "epoch": epoch, "params": {k: v.detach() for k, v in net.named_parameters()}}  # <- fault
    print(epoch, "valid log loss", round(vl, 4))

print("restoring epoch", best["epoch"])
with torch.no_grad():
    for name, p in net.named_parameters():
        p.copy_(best["params"][name])
accuracy = float(accuracy_score(T["test"][1].numpy(), probabilities(net, "test").argmax(1)))
print("test accuracy", accuracy)
