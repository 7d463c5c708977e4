import sys
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.optim.lr_scheduler import LambdaLR

HPARAMS = "steps=300,warmup=30,batch=64,lr=0.2,hidden=64,seed=50"


def parse_hparams(text):
    out = {}
    for item in text.split(","):
        key, value = item.split("=")
        out[key] = float(value) if "." in value else int(value)
    return out


hp = parse_hparams(sys.argv[1] if len(sys.argv) > 1 else HPARAMS)
torch.manual_seed(hp["seed"])
digits = load_digits()
tr_x, te_x, tr_y, te_y = train_test_split(digits.data, digits.target, test_size=0.2, random_state=hp["seed"])
tr_x, te_x = (torch.tensor(a / 16, dtype=torch.float32) for a in (tr_x, te_x))
tr_y, te_y = torch.tensor(tr_y), torch.tensor(te_y)


def lr_factor(step):
    if step < hp["warmup"]:
        return (step + 1) / hp["warmup"]
    return (hp["steps"] - step) / (hp["steps"] - hp["warmup"])


net = nn.Sequential(nn.Linear(64, hp["hidden"]), nn.ReLU(), nn.LayerNorm(hp["hidden"]), nn.Linear(hp["hidden"], 10))
optimizer = torch.optim.SGD(net.parameters(), lr=hp["lr"], momentum=0.9)
scheduler = LambdaLR(optimizer, lr_factor)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
for step in range(hp["steps"]):
    idx = torch.randint(0, len(tr_x), (hp["batch"],))
    loss = loss_fn(net(tr_x[idx]), tr_y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 50 == 0:
        print(step, f"{loss.item():.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(te_x).argmax(1) == te_y).float().mean().item()
print("test acc", accuracy)
