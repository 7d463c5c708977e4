import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits()
a, b, ya, yb = train_test_split(digits.data, digits.target, test_size=0.3, random_state=5, stratify=digits.target)
shift, scale = a.mean(), a.std()
a, b = (torch.tensor((v - shift) / scale, dtype=torch.float32) for v in (a, b))
ya, yb = torch.tensor(ya), torch.tensor(yb)


def fresh(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 48), nn.RReLU(), nn.Linear(48, 10))


def learn(net, opt, epochs=6):
    for epoch in range(epochs):
        net.train()
        for rows in torch.randperm(len(ya)).split(42):
            loss = nn.functional.cross_entropy(net(a[rows]), ya[rows])
            net.zero_grad()
            loss.backward()
            opt.step()  # <- fault
    print("last loss", loss.item())
    return net.eval()


opt = torch.optim.Adam(fresh(0).parameters(), lr=4e-3)  # <- fault
crowd = []
for seed in range(4):
    net = fresh(seed)
    crowd.append(learn(net, opt))
with torch.no_grad():
    vote = sum(net(b).softmax(1) for net in crowd)
accuracy = (vote.argmax(1) == yb).float().mean().item()
print("ensemble accuracy", accuracy)
