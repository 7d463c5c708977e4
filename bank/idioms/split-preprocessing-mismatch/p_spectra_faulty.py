"""Line spectra of four mock isotopes mixed with background; photon counting noise."""
import numpy as np
import torch
from torch.utils.data import Dataset, DataLoader

CH = 40
gen = np.random.default_rng(2024)
LINES = {"Cs": [12, 27], "Co": [13, 30], "Na": [9, 27], "Eu": [9, 30]}
channel = np.arange(CH)


def measure(name, live_time):
    mu = 2.0 * np.exp(-channel / 15.0)
    for c in LINES[name]:
        mu = mu + 1.4 * np.exp(-0.5 * ((channel - c + gen.normal(0, 0.3)) / 1.3) ** 2)
    return gen.poisson(mu * live_time)


names = list(LINES)
truth = gen.integers(0, 4, 1600)
counts = np.stack([measure(names[k], gen.uniform(4, 8)) for k in truth]).astype(np.float64)
runs = {"calib": slice(0, 1200), "physics": slice(1200, 1600)}

mean = counts[runs["calib"]].mean(0)
var = counts[runs["calib"]].var(0)


class Run(Dataset):
    def __init__(self, sl, location, spread):
        self.x = torch.tensor((counts[sl] - location) / spread, dtype=torch.float32)
        self.k = torch.tensor(truth[sl])

    def __getitem__(self, i):
        return self.x[i], self.k[i]

    def __len__(self):
        return len(self.k)


calib = Run(runs["calib"], mean, np.sqrt(var))
physics = Run(runs["physics"], 0.0, var)  # <- fault

torch.manual_seed(2024)
unfold = torch.nn.Sequential(
    torch.nn.Linear(CH, 48), torch.nn.Softplus(),
    torch.nn.Linear(48, 24), torch.nn.Softplus(),
    torch.nn.Linear(24, len(names)),
)
minimiser = torch.optim.Adam(unfold.parameters(), lr=4e-3)
chi = torch.nn.CrossEntropyLoss()
for turn in range(8):
    acc = []
    for x, k in DataLoader(calib, batch_size=50, shuffle=True):
        minimiser.zero_grad(set_to_none=True)
        value = chi(unfold(x), k)
        value.backward()
        minimiser.step()
        acc.append(value.item())
    print("turn", turn, "cross entropy", np.mean(acc).round(4))

unfold.eval()
ok = np.zeros(0, bool)
with torch.no_grad():
    for x, k in DataLoader(physics, batch_size=200):
        ok = np.append(ok, (unfold(x).argmax(1) == k).numpy())
accuracy = float(ok.mean())
print(f"identified {100 * accuracy:.1f} %  (+- {100 * ok.std() / np.sqrt(ok.size):.1f})")
