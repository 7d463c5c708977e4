"""Two optimizers with different rates; the encoder pauses every other step, the head always moves."""
import torch
from torch import nn
from sklearn.datasets import make_classification

torch.manual_seed(47)
x, y = make_classification(1500, 18, n_informative=7, n_redundant=3, n_classes=3, class_sep=1.6, random_state=47)
x = torch.tensor((x - x[:1050].mean(0)) / x[:1050].std(0), dtype=torch.float32)
y = torch.tensor(y)

encoder = nn.Sequential(nn.Linear(18, 64), nn.SELU(), nn.Linear(64, 32), nn.SELU())
head = nn.Linear(32, 3)
slow = torch.optim.AdamW(encoder.parameters(), lr=4e-3, weight_decay=1e-3)
fast = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
step = 0
for epoch in range(16):
    encoder.train(), head.train()
    for idx in torch.randperm(1050).split(50):
        moving = step % 2 == 0
        encoder.requires_grad_(moving)
        loss = nn.functional.cross_entropy(head(encoder(x[idx])), y[idx])
        fast.zero_grad()
        slow.zero_grad()
        loss.backward()
        fast.step()
        if moving:
            slow.step()
        step += 1
    print(epoch, round(loss.item(), 4))
encoder.eval(), head.eval()
with torch.no_grad():
    accuracy = (head(encoder(x[1050:])).argmax(1) == y[1050:]).double().mean().item()
print("accuracy", accuracy)
