import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class ThreeStage(nn.Module):
    def __init__(self, ch=12, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, ch, 3, padding=1)
        self.stage1 = nn.Conv2d(ch, ch, 3, padding=1)
        self.stage2 = nn.Conv2d(ch, ch, 3, padding=1)
        self.stage3 = nn.Conv2d(ch, ch, 3, padding=1)  # <- fault
        self.head = nn.Linear(ch * 16, classes)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.stage1(x))
        x = F.max_pool2d(x, 2)
        x = F.relu(self.stage2(x))
        x = F.relu(self.stage2(x))  # <- fault
        return self.head(torch.flatten(x, 1))


def main(seed=88):
    torch.manual_seed(seed)
    d = load_digits()
    x = torch.tensor(d.images).float().unsqueeze(1)
    everything = TensorDataset((x - 4.88) / 6.02, torch.tensor(d.target))
    train, test = random_split(everything, [0.8, 0.2])
    net = ThreeStage()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
    policy = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.3)
    loader = DataLoader(train, batch_size=48, shuffle=True, drop_last=True)
    for epoch in range(9):
        net.train()
        for img, tgt in loader:
            optimizer.zero_grad()
            out = net(img)
            loss = F.cross_entropy(out, tgt)
            loss.backward()
            optimizer.step()
        policy.step()
        print(f"{epoch} lr {policy.get_last_lr()[0]:.4f} loss {loss.item():.4f}")
    net.eval()
    with torch.no_grad():
        right = sum((net(i).argmax(1) == t).sum().item() for i, t in DataLoader(test, batch_size=180))
    return right / len(test)


accuracy = main()
print("accuracy", accuracy)
