import torch
from torch import nn

torch.manual_seed(231)
K, D, PER = 6, 20, 250
means = torch.randn(K, D) * 0.9
mix = torch.eye(D) + 0.15 * torch.randn(K, D, D)


def sample(k, n):
    z = torch.randn(n, D) @ mix[k]
    return means[k] + z + 0.15 * z.pow(2)


train_x = torch.cat([sample(k, PER) for k in range(K)])
train_y = torch.arange(K).repeat_interleave(PER)
test_x = torch.cat([sample(k, 70) for k in range(K)])
test_y = torch.arange(K).repeat_interleave(70)
centre, spread = train_x.mean(0), train_x.std(0)
train_x, test_x = ((v - centre) / spread for v in (train_x, test_x))


class Batches:
    def __init__(self, *tensors, size):
        self.tensors, self.size = tensors, size

    def __len__(self):
        return -(-len(self.tensors[0]) // self.size)

    def __iter__(self):
        order = torch.arange(len(self.tensors[0]))  # <- fault
        for part in order.split(self.size):
            yield [t[part] for t in self.tensors]


net = nn.Sequential(nn.Linear(D, 64), nn.ReLU(), nn.Linear(64, K))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
feed = Batches(train_x, train_y, size=50)
for epoch in range(8):
    net.train()
    mean_loss = 0.0
    for xb, yb in feed:
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        mean_loss += loss.item() / len(feed)
    print(f"epoch {epoch}: {mean_loss:.4f}")

net.eval()
with torch.no_grad():
    accuracy = net(test_x).argmax(1).eq(test_y).double().mean().item()
print("accuracy", accuracy)
