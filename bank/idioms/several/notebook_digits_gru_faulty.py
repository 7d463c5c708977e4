import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(111)
np.random.seed(111)
digits = load_digits()
perm = np.random.permutation(1797)
seqs = digits.images[perm].transpose(0, 2, 1).astype(np.float32)
labs = digits.target[perm]
cut = 1350
seqs = (seqs - seqs[:cut].mean()) / seqs[:cut].std()


class Bidirectional(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 32, bidirectional=True, batch_first=True)
        self.drop = nn.Dropout(0.25)
        self.lin = nn.Linear(64, 10)

    def forward(self, x):
        _, h = self.gru(x)
        z = self.lin(self.drop(torch.cat([h[0], h[1]], dim=1)))
        return F.softmax(z, dim=1)  # <- fault: softmax-before-cross-entropy


net = Bidirectional()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(8):
    net.train()
    tot = 0.0
    for rows in np.array_split(np.random.permutation(cut), 27):
        xb, yb = torch.from_numpy(seqs[rows]), torch.from_numpy(labs[rows])
        loss = F.cross_entropy(net(xb), yb)  # <- fault: softmax-before-cross-entropy
        loss.backward()  # <- fault: missing-zero-grad
        opt.step()
        tot += loss.item()
    print(epoch, tot / 27)

with torch.no_grad():
    guess = net(torch.from_numpy(seqs[cut:])).argmax(1).numpy()  # <- fault: evaluation-in-train-mode
accuracy = float((guess == labs[cut:]).mean())
print("held-out", accuracy)
