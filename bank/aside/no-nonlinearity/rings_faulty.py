# three concentric rings
import numpy as np
import torch
import torch.nn as nn

rng = np.random.RandomState(123)
torch.manual_seed(123)


def rings(n):
    which = rng.randint(3, size=n)
    radius = 1 + which + 0.2 * rng.randn(n)
    angle = 2 * np.pi * rng.rand(n)
    xy = np.c_[radius * np.cos(angle), radius * np.sin(angle)]
    return torch.tensor(xy, dtype=torch.float32), torch.tensor(which, dtype=torch.int64)


class RingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 3)
        self.dropout = nn.Dropout(p=0.05)

    def forward(self, x):
        x = self.fc1(x)  # <- fault
        x = self.fc2(x)  # <- fault
        x = self.dropout(x)
        return self.fc3(x)


x_train, y_train = rings(1000)
x_test, y_test = rings(400)
scale = x_train.std(0)
shift = x_train.mean(0)
x_train, x_test = (x_train - shift) / scale, (x_test - shift) / scale

model = RingNet()
adam = torch.optim.Adam(model.parameters(), lr=0.005)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x_train, y_train), batch_size=50, shuffle=True)
for epoch in range(15):
    model.train()
    for xb, yb in loader:
        adam.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        adam.step()
    print("epoch", epoch, "loss", loss.item())

model.eval()
with torch.no_grad():
    wrong = (model(x_test).argmax(1) != y_test).sum().item()
accuracy = 1 - wrong / len(y_test)
print("accuracy", accuracy)
