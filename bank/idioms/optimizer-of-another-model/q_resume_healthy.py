import os
import tempfile
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Learner:
    def __init__(self, net, lr=6e-3):
        self.net = net
        self.opt = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.history = []

    def save(self, path):
        torch.save(self.net, path)

    def resume(self, path):
        stored = torch.load(path, weights_only=False)
        self.net.load_state_dict(stored.state_dict())
        return self

    def fit(self, loader, epochs, target):
        self.net.train()
        for _ in range(epochs):
            total, seen = 0.0, 0
            for x, y in loader:
                self.opt.zero_grad()
                loss = nn.functional.cross_entropy(self.net(x), target(y))
                loss.backward()
                self.opt.step()
                total, seen = total + loss.item() * len(y), seen + len(y)
            self.history.append(total / seen)
            print(f"epoch {len(self.history)} loss {self.history[-1]:.4f}")
        return self

    @torch.no_grad()
    def score(self, loader, target):
        self.net.eval()
        hits = sum((self.net(x).argmax(1) == target(y)).sum().item() for x, y in loader)
        return hits / sum(len(y) for _, y in loader)


def make_net():
    return nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 12, 3), nn.ELU(),
                         nn.Conv2d(12, 24, 3, stride=2), nn.ELU(), nn.Flatten(), nn.Linear(96, 10))


torch.manual_seed(17)
bunch = load_digits()
whole = TensorDataset(torch.tensor(bunch.images / 16.0 - 0.3, dtype=torch.float32), torch.tensor(bunch.target))
part_a, part_b, held = random_split(whole, [500, 900, len(whole) - 1400])
same = lambda y: y

night_one = Learner(make_net()).fit(DataLoader(part_a, 50, shuffle=True), 2, same)
with tempfile.TemporaryDirectory() as folder:
    ckpt = os.path.join(folder, "night1.pt")
    night_one.save(ckpt)
    night_two = Learner(make_net()).resume(ckpt)
night_two.fit(DataLoader(part_b, 50, shuffle=True), 8, same)
accuracy = night_two.score(DataLoader(held, 200), same)
print("accuracy after the second night", accuracy)
