import torch as th
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

th.manual_seed(31)
data, goal = load_digits(return_X_y=True)
xtr, xte, ytr, yte = train_test_split(data, goal, test_size=0.25, random_state=31, stratify=goal)
sc = StandardScaler()
xtr = th.tensor(sc.fit_transform(xtr)).float()
xte = th.tensor(sc.transform(xte)).float()
ytr, yte = th.tensor(ytr), th.tensor(yte)


class Perceptron(th.nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = th.nn.ModuleList(th.nn.Linear(i, o) for i, o in zip(sizes, sizes[1:]))

    def forward(self, h):
        for layer in self.layers[:-1]:
            h = F.elu(layer(h))
        return self.layers[-1](h)


net = Perceptron([64, 32, 10])
opt = th.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(12):
    shuffled = th.randperm(len(xtr))
    epoch_loss = 0.0
    for where in shuffled.split(50):
        opt.zero_grad()
        scores = net(xtr[where])
        loss = F.cross_entropy(scores, ytr[where])
        loss.backward()
        opt.step()
        epoch_loss += loss.item() * len(where)
    print("epoch %2d  loss %.5f" % (epoch, epoch_loss / len(xtr)))

net.eval()
with th.no_grad():
    accuracy = (net(xte).argmax(1) == yte).float().mean().item()
print("test accuracy %.4f" % accuracy)
