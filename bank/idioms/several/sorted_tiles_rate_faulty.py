from collections import OrderedDict
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(123)
PER_CLASS, KINDS = 240, 5


def tiles():
    """Five textures made of two random waves each, written out kind by kind."""
    grid = torch.stack(torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij"))
    out, kinds = [], []
    for k in range(KINDS):
        f = torch.randn(2, 2) * 0.9
        for _ in range(PER_CLASS):
            wave = sum(torch.sin((f[j][:, None, None] * grid).sum(0) + 6.283 * torch.rand(1)) for j in range(2))
            out.append(wave + 0.8 * torch.randn(9, 9))
            kinds.append(k)
    return torch.stack(out).unsqueeze(1), torch.tensor(kinds)


x, y = tiles()
held = torch.zeros(len(y), dtype=torch.bool)
held[::4] = True
x = (x - x[~held].mean()) / x[~held].std()
net = nn.Sequential(OrderedDict(
    conv1=nn.Conv2d(1, 12, 3), act1=nn.ReLU(), conv2=nn.Conv2d(12, 20, 3, stride=2), act2=nn.ReLU(),
    flat=nn.Flatten(), fc=nn.Linear(180, KINDS)))
optimiser = torch.optim.Adam(net.parameters(), lr=2e-7)  # <- fault: lr-too-low
loader = DataLoader(TensorDataset(x[~held], y[~held]), batch_size=36)  # <- fault: unshuffled-training
for epoch in range(8):
    mean = 0.0
    for bx, by in loader:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(bx), by)
        loss.backward()
        optimiser.step()  # <- fault: lr-too-low
        mean += loss.item() / len(loader)
    print(f"epoch {epoch}: {mean:.3f}")
net.eval()
with torch.no_grad():
    accuracy = net(x[held]).argmax(1).eq(y[held]).float().mean().item()
print("accuracy", accuracy)
