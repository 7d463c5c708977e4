# leaf outlines -> species; season 1 is for training, season 2 for the report
import numpy as np
import torch

rng = np.random.default_rng(55)
torch.manual_seed(55)
SPECIES = np.array(["acer", "betula", "corylus", "fagus", "quercus", "tilia"])
LOBES = np.array([5, 2, 3, 1, 7, 4])
DEPTH = np.array([0.45, 0.15, 0.2, 0.1, 0.3, 0.25])


def collect(n, probabilities):
    which = rng.choice(len(SPECIES), size=n, p=probabilities)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    turn = rng.uniform(-0.3, 0.3, (n, 1))
    radius = 1 + DEPTH[which, None] * np.cos(LOBES[which, None] * (angle + turn))
    radius += rng.normal(0, 0.12, radius.shape)
    return radius.astype(np.float32), SPECIES[which]


season1, names1 = collect(1100, np.array([0.2, 0.12, 0.18, 0.2, 0.2, 0.1]))
season2, names2 = collect(500, np.array([0.24, 0.0, 0.2, 0.2, 0.22, 0.14]))

species_list, codes1 = np.unique(names1, return_inverse=True)
codes2 = np.searchsorted(species_list, names2)
print("species in season 1:", ", ".join(species_list))

centre = season1.mean()
scale = season1.std()
x1, x2 = (torch.from_numpy((s - centre) / scale)[:, None] for s in (season1, season2))
y1, y2 = torch.from_numpy(codes1), torch.from_numpy(codes2)


class Outline(torch.nn.Module):
    def __init__(self, n_species):
        super().__init__()
        self.conv1 = torch.nn.Conv1d(1, 12, 9, padding=4, padding_mode="circular", stride=2)
        self.conv2 = torch.nn.Conv1d(12, 20, 5, padding=2, padding_mode="circular", stride=2)
        self.fc = torch.nn.Linear(20 * 12, n_species)

    def forward(self, r):
        h = torch.relu(self.conv1(r))
        h = torch.relu(self.conv2(h))
        return self.fc(h.reshape(len(r), -1))


model = Outline(len(species_list))
loss_fn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    for leaves in torch.randperm(len(x1)).split(50):
        optimizer.zero_grad()
        loss_fn(model(x1[leaves]), y1[leaves]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    own = (model(x1).argmax(1) == y1).float().mean().item()
    accuracy = (model(x2).argmax(1) == y2).float().mean().item()
print(f"season 1: {own:.3f}   season 2: {accuracy:.3f}")
