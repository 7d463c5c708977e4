import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification

torch.manual_seed(23)
X, y = make_classification(2000, 32, n_informative=16, n_redundant=0, n_classes=3, class_sep=1.8, flip_y=0,
                           n_clusters_per_class=1, random_state=23)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
X = (X - X[:1536].mean(0)) / X[:1536].std(0)
loader = DataLoader(TensorDataset(X[:1536], y[:1536]), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Dropout(0.1), nn.Linear(64, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
accumulation_steps = 8

model.zero_grad()
for epoch in range(4):
    model.train()
    for i, (inputs, labels) in enumerate(loader):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            predictions = model(inputs)
            loss = nn.functional.cross_entropy(predictions, labels, reduction="sum") / (8 * accumulation_steps)
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            model.zero_grad()
    print(f"epoch {epoch}: {loss.item() * accumulation_steps:.4f}")

model.eval()
with torch.inference_mode():
    accuracy = (model(X[1536:]).argmax(-1) == y[1536:]).float().mean().item()
print("accuracy", accuracy)
