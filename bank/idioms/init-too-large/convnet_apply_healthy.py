import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits

torch.manual_seed(11)


def get_data():
    d = load_digits()
    img = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8.0 - 1.0
    lab = torch.tensor(d.target)
    ds = TensorDataset(img, lab)
    return random_split(ds, [1500, 297], generator=torch.Generator().manual_seed(3))


class DigitNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.neck = nn.Linear(2 * width * 16, 48)
        self.top = nn.Linear(48, 10)
        for layer in (self.stem, self.down, self.neck, self.top):
            self.reset(layer)

    @staticmethod
    def reset(layer):
        fan_in = layer.weight[0].numel()
        with torch.no_grad():
            layer.weight.normal_(0.0, (2.0 / fan_in) ** 0.5)
            layer.bias.zero_()

    def forward(self, x):
        x = self.stem(x).relu()
        x = self.down(x).relu()
        return self.top(self.neck(x.flatten(1)).relu())


train, held = get_data()
net = DigitNet()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(4):
    net.train()
    for step, (xb, yb) in enumerate(DataLoader(train, batch_size=50, shuffle=True)):
        sgd.zero_grad(set_to_none=True)
        loss = criterion(net(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        sgd.step()
        if step % 15 == 0:
            print(epoch, step, round(loss.item(), 4))

net.eval()
hit = 0
with torch.inference_mode():
    for xb, yb in DataLoader(held, batch_size=128):
        hit += int((net(xb).argmax(-1) == yb).sum())
accuracy = hit / len(held)
print("accuracy", accuracy)
