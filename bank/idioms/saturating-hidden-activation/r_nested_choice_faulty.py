"""Travel-mode choice with 'nest' layers between attributes and utilities.  Config as a frozen dataclass + registry."""
import dataclasses
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

NESTS = {"share": lambda: nn.Softmax(dim=-1), "rectified": nn.ReLU, "smooth": nn.SiLU}


@dataclasses.dataclass(frozen=True)
class Spec:
    travellers: int = 1500
    attributes: int = 10
    nests: tuple = (64, 64)
    kind: str = "share"  # <- fault
    alternatives: int = 5
    lr: float = 0.05
    draws: int = 12


def simulate(spec, seed):
    g = torch.Generator().manual_seed(seed)
    taste = torch.randn(spec.attributes, 24, generator=g)
    util = torch.randn(24, spec.alternatives, generator=g)
    z = torch.randn(spec.travellers, spec.attributes, generator=g)
    v = torch.sin(0.2 * z @ taste) @ util
    return z, v.argmax(-1)


def build(spec):
    dims, mods = [spec.attributes, *spec.nests], []
    for a, b in zip(dims[:-1], dims[1:]):
        mods.extend((nn.Linear(a, b), NESTS[spec.kind]()))  # <- fault
    mods.append(nn.Linear(dims[-1], spec.alternatives))
    return nn.Sequential(*mods)


def estimate(spec, seed=12):
    torch.manual_seed(seed)
    z, choice = simulate(spec, seed)
    keep = int(0.8 * spec.travellers)
    model = build(spec)
    opt = torch.optim.SGD(model.parameters(), lr=spec.lr, momentum=0.9)
    survey = DataLoader(TensorDataset(z[:keep], choice[:keep]), batch_size=50, shuffle=True)
    for _ in range(spec.draws):
        for za, ca in survey:
            opt.zero_grad()
            nn.functional.cross_entropy(model(za), ca).backward()
            opt.step()
    with torch.no_grad():
        hits = model(z[keep:]).argmax(-1) == choice[keep:]
    return hits.double().mean().item()


accuracy = estimate(Spec())
print(f"share of predicted choices that were made: {accuracy:.3f}")
