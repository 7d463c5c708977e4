import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

np.random.seed(90)
torch.manual_seed(90)

WORDS = np.array("zero one two three four five six seven eight nine".split())
data = load_digits()
names = WORDS[data.target]
perm = np.random.permutation(len(names))
tr, te = perm[:1200], perm[1200:]
pix = data.data.astype(np.float32)
pix = (pix - pix[tr].mean()) / pix[tr].std()


def encode(labels, vocab=None):
    if vocab is None:
        vocab = {}
        for lab in labels:
            vocab.setdefault(lab, len(vocab))
    return torch.tensor([vocab[lab] for lab in labels]), vocab


y_train, vocab = encode(names[tr])
y_test, _ = encode(names[te], vocab)
x_train, x_test = torch.from_numpy(pix[tr]), torch.from_numpy(pix[te])

net = nn.Sequential(nn.Linear(64, 80), nn.LeakyReLU(0.1), nn.Dropout(0.1), nn.Linear(80, len(vocab)))
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=12)

for epoch in range(12):
    net.train()
    ids = torch.randperm(1200)
    for s in range(0, 1200, 60):
        j = ids[s:s + 60]
        sgd.zero_grad()
        out = net(x_train[j])
        nn.functional.cross_entropy(out, y_train[j]).backward()
        sgd.step()
    sched.step()

net.eval()
with torch.no_grad():
    p = net(x_test).numpy().argmax(axis=1)
accuracy = float(np.mean(p == y_test.numpy()))
print(f"accuracy {100 * accuracy:.2f} %")
