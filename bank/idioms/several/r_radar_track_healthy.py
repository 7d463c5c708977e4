"""Drone / bird / aircraft from radar tracks.  Trainer with a plateau of best weights."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

RNG = np.random.RandomState(90)
torch.manual_seed(90)


class Tracks(Dataset):
    LABELS = {"drone": 0, "bird": 1, "aircraft": 2, "clutter": 3}

    def __init__(self, per_class, stats=None):
        seqs, self.target = [], []
        for name, code in self.LABELS.items():
            for _ in range(per_class):
                v = {"drone": 1.0, "bird": 1.2, "aircraft": 2.2, "clutter": 0.0}[name] * RNG.uniform(0.6, 1.4)
                turn = {"drone": 0.35, "bird": 0.9, "aircraft": 0.1, "clutter": 1.5}[name]
                head = RNG.uniform(0, 6.28) + np.cumsum(RNG.normal(0, turn, 18))
                step = np.stack([v * np.cos(head), v * np.sin(head)], 1) + RNG.normal(0, 0.35, (18, 2))
                seqs.append(step)
                self.target.append(code)
        self.seq = np.asarray(seqs, np.float32)
        self.stats = stats or (self.seq.mean((0, 1)), self.seq.std((0, 1)))
        self.seq = (self.seq - self.stats[0]) / self.stats[1]

    def __len__(self):
        return len(self.target)

    def __getitem__(self, i):
        return self.seq[i], self.target[i]


class TrackNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(4, hidden), nn.ReLU())
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(2 * hidden, 4)

    def forward(self, s):
        delta = nn.functional.pad(s[:, 1:] - s[:, :-1], (0, 0, 1, 0))
        h, last = self.gru(self.embed(torch.cat([s, delta], -1)))
        z = self.head(torch.cat([h.mean(1), last[-1]], -1))
        return z


class Trainer:
    def __init__(self, net, train, valid):
        self.net, self.valid = net, valid
        self.feed = DataLoader(train, batch_size=30, shuffle=True)
        self.opt = torch.optim.Adam(net.parameters(), lr=4e-3)
        self.top, self.kept = -1.0, None

    def rate(self, data):
        with torch.no_grad():
            return float(np.mean([(self.net(s).argmax(-1) == t).float().mean() for s, t in DataLoader(data, batch_size=len(data))]))

    def run(self, epochs):
        for _ in range(epochs):
            for s, t in self.feed:
                self.opt.zero_grad()
                nn.functional.cross_entropy(self.net(s), t).backward()
                self.opt.step()
            r = self.rate(self.valid)
            if r > self.top:
                self.top, self.kept = r, {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.kept)
        return self


train = Tracks(150)
valid, test = Tracks(40, train.stats), Tracks(80, train.stats)
accuracy = Trainer(TrackNet(), train, valid).run(8).rate(test)
print("tracks named correctly:", accuracy)
