import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(36)
d = load_digits()
full = TensorDataset(torch.tensor(d.data, dtype=torch.float32) / 16 - 0.3, torch.tensor(d.target))
train_ds, test_ds = random_split(full, [1397, 400])
loader = DataLoader(train_ds, batch_size=64, shuffle=True)


def mlp(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def accuracy_of(net):
    net.eval()
    x, y = test_ds[:]
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


teacher, student = mlp(256), mlp(20)
opt = torch.optim.Adam(teacher.parameters(), lr=4e-3)
for epoch in range(6):
    for x, y in loader:
        opt.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        opt.step()
teacher.requires_grad_(False).eval()
print("teacher", accuracy_of(teacher))

T, alpha = 3.0, 0.7
opt = torch.optim.Adam(student.parameters(), lr=8e-3)
kd = nn.KLDivLoss(reduction="batchmean", log_target=True)
student.train()
for epoch in range(9):
    for x, y in loader:
        with torch.no_grad():
            soft = F.log_softmax(teacher(x) / T, dim=1)
        out = student(x)
        loss = alpha * T * T * kd(F.log_softmax(out / T, dim=1), soft) + (1 - alpha) * F.cross_entropy(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))
accuracy = accuracy_of(student)
print("student", accuracy)
