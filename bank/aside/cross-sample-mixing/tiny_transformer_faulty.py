import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class RowTransformer(nn.Module):
    """Each of the 8 rows of the image is one token."""

    def __init__(self, dim=32, depth=1, heads=4, n_classes=10):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.pos = nn.Parameter(torch.randn(1, 8, dim) * 0.1)
        layer = nn.TransformerEncoderLayer(dim, heads, dim_feedforward=64, dropout=0.0)  # <- fault
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, n_classes)

    def forward(self, img):
        tokens = self.embed(img) + self.pos
        tokens = self.encoder(tokens)  # <- fault
        return self.head(self.norm(tokens.mean(dim=1)))


def run(epochs=7, lr=4e-3, seed=23):
    torch.manual_seed(seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32) / 16
    x = (x - 0.305) / 0.376
    ds = TensorDataset(x, torch.tensor(d.target))
    train_ds, test_ds = random_split(ds, [1437, 360], generator=torch.Generator().manual_seed(seed))
    train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
    test_dl = DataLoader(test_ds, batch_size=120)
    model = RowTransformer()
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=lr, total_steps=epochs * len(train_dl))
    for epoch in range(epochs):
        model.train()
        for xb, yb in train_dl:
            opt.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            opt.step()
            sched.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in test_dl:
            correct += (model(xb).argmax(-1) == yb).sum().item()
    return correct / len(test_ds)


accuracy = run()
print(f"{accuracy:.4f}")
