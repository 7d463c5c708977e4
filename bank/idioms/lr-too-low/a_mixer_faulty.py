import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(70)
SEED = 70


class Args:
    epochs = 9
    bs = 40
    lr = 1e-6  # <- fault
    wd = 1e-4


X, y = load_digits(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
pix_mean, pix_std = X_tr.mean(), X_tr.std()
prep = lambda a: torch.tensor((a - pix_mean) / pix_std).float().view(-1, 8, 8)


class MixerLayer(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tok = nn.Sequential(nn.Linear(tokens, 16), nn.GELU(), nn.Linear(16, tokens))
        self.ch = nn.Sequential(nn.Linear(dim, 32), nn.GELU(), nn.Linear(32, dim))

    def forward(self, x):
        x = x + self.tok(self.n1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.ch(self.n2(x))


class Mixer(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.mix = MixerLayer(8, dim)
        self.head = nn.Linear(8 * dim, 10)

    def forward(self, x):
        return self.head(self.mix(self.embed(x)).flatten(1))


loader = DataLoader(TensorDataset(prep(X_tr), torch.tensor(y_tr)), Args.bs, shuffle=True)
model = Mixer()
optimizer = torch.optim.AdamW(model.parameters(), lr=Args.lr, weight_decay=Args.wd)  # <- fault
for epoch in range(1, Args.epochs + 1):
    seen, loss_sum = 0, 0.0
    for img, lab in loader:
        loss = nn.functional.cross_entropy(model(img), lab)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(lab)
        seen += len(lab)
    print(f"epoch {epoch:2d}: {loss_sum / seen:.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(prep(X_te)).argmax(1) == torch.tensor(y_te)).float().mean().item()
print(f"accuracy {accuracy:.4f}")
