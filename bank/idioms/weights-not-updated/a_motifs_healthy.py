import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset


class TokenSequences(Dataset):
    """which of the four motifs is hidden in the sequence?"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        motifs = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 5, 9]])
        self.y = torch.randint(0, 4, (n,), generator=g)
        self.x = torch.randint(10, 20, (n, 12), generator=g)
        for i in range(n):
            pos = torch.randint(0, 10, (1,), generator=g).item()
            self.x[i, pos:pos + 3] = motifs[self.y[i]]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class TinyTransformer(nn.Module):
    def __init__(self, vocab=20, dim=16, classes=4):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(torch.randn(12, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, 2, 32, dropout=0.0, batch_first=True)
        self.enc = nn.TransformerEncoder(layer, 1)
        self.cls = nn.Linear(dim, classes)

    def forward(self, tokens):
        h = self.enc(self.emb(tokens) + self.pos)
        return self.cls(h.mean(1))


torch.manual_seed(13)
train_loader = DataLoader(TokenSequences(900, 0), batch_size=60, shuffle=True)
test_set = TokenSequences(300, 1)
model = TinyTransformer()
optimizer = AdamW(model.parameters(), lr=1e-2)
scheduler = CosineAnnealingLR(optimizer, T_max=10 * len(train_loader))
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    for tokens, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(tokens), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
    print(f"epoch {epoch} lr {scheduler.get_last_lr()[0]:.5f} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    pred = model(test_set.x).argmax(-1)
accuracy = (pred == test_set.y).float().mean().item()
print(f"accuracy {accuracy:.3f}")
