import copy
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(46)
DIM = 20
centres = torch.randn(3, DIM) * 0.45


def sample(n):
    k = torch.randint(0, 3, (n,))
    return centres[k] + torch.randn(n, DIM), k


x_tr, y_tr = sample(300)
x_va, y_va = sample(600)
x_te, y_te = sample(1500)
net = nn.Sequential(nn.Linear(DIM, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=50, shuffle=True)
ce = nn.CrossEntropyLoss()
for epoch in range(60):  # <- fault
    net.train()
    for x, y in loader:
        loss = ce(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        watch = ce(net(x_va), y_va).item()
    if epoch % 5 == 0:
        print(f"epoch {epoch} train {loss.item():.4f} val {watch:.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(x_te).argmax(1) == y_te).float().mean().item()
print("accuracy", accuracy)
