import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(111)
X, y = make_moons(1500, noise=0.3, random_state=111)
X = ((X - X[:900].mean(0)) / X[:900].std(0)).astype(np.float32)
part = {"fit": slice(0, 450), "dev": slice(900, 1200), "end": slice(1200, None)}
data = {k: (torch.from_numpy(X[s]), torch.from_numpy(y[s])) for k, s in part.items()}
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).to(device)
opt = torch.optim.Adam(model.parameters(), lr=0.05)


def measure(name):
    model.eval()
    x, t = (v.to(device) for v in data[name])
    with torch.no_grad():
        out = model(x)
    return F.cross_entropy(out, t).item(), (out.argmax(1) == t).float().mean().item()


best = {"loss": float("inf"), "weights": None, "epoch": -1}
for epoch in range(18):
    model.train()
    x, t = (v.to(device) for v in data["fit"])
    for b in torch.randperm(len(x), device=device).split(30):
        opt.zero_grad()
        F.cross_entropy(model(x[b]), t[b]).backward()
        opt.step()
    loss, acc = measure("dev")
    if loss < best["loss"]:
        best.update(
            loss=loss,
            epoch=epoch,
            weights={k: v.detach().cpu().clone() for k, v in model.state_dict().items()},
        )
    print(f"epoch {epoch} dev loss {loss:.4f} acc {acc:.3f}")

print("best epoch", best["epoch"])
model.load_state_dict(best["weights"])
_, accuracy = measure("end")
print("accuracy", accuracy)
