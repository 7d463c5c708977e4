import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader
from torch.optim.lr_scheduler import LambdaLR
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(33)


class Flags:
    warmup_steps = 40
    epochs = 8
    bs = 40
    peak_lr = 0.05


def prepare():
    x, y = load_digits(return_X_y=True)
    perm = torch.randperm(len(y)).numpy()
    tr, te = perm[:1400], perm[1400:]
    sc = StandardScaler().fit(x[tr])
    pack = lambda i: TensorDataset(torch.tensor(sc.transform(x[i])).float(), torch.tensor(y[i]))
    return pack(tr), pack(te)


def schedule(step, total):
    warm = min(1, step // total)  # <- fault
    return warm * (1 - 0.9 * step / total)


train_set, test_set = prepare()
loader = DataLoader(train_set, batch_size=Flags.bs, shuffle=True)
total_steps = Flags.epochs * len(loader)
net = nn.Sequential(nn.Linear(64, 80), nn.Mish(), nn.Linear(80, 10))
opt = torch.optim.SGD(net.parameters(), lr=Flags.peak_lr, momentum=0.9)
sched = LambdaLR(opt, lambda s: schedule(s, total_steps))  # <- fault

for ep in range(Flags.epochs):
    net.train()
    ep_loss = 0.0
    for x, y in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y, label_smoothing=0.05)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        sched.step()
        ep_loss += loss.item()
    print(f"{ep + 1}/{Flags.epochs}: {ep_loss / len(loader):.4f}")

net.eval()
x, y = test_set.tensors
with torch.no_grad():
    accuracy = (net(x).argmax(1) == y).float().mean().item()
print(f"accuracy = {accuracy:.3f}")
