import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_blobs
from sklearn.preprocessing import scale

torch.manual_seed(13)
x, y = make_blobs(n_samples=1800, n_features=16, centers=9, cluster_std=5.5, random_state=13)
x = scale(x).astype(np.float32)
is_test = np.random.default_rng(13).random(len(x)) < 0.25
x_train, y_train = torch.from_numpy(x[~is_test]), torch.from_numpy(y[~is_test]).long()
x_test, y_test = torch.from_numpy(x[is_test]), torch.from_numpy(y[is_test]).long()

hparams = dict(keep=0.9, units=(96, 96), lr=2e-3, batch=50, epochs=9)


def dense_block(n_in, n_out, keep):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(keep))  # <- fault


def build(hp):
    seq, width = nn.Sequential(), 16
    for i, u in enumerate(hp["units"]):
        seq.add_module(f"block{i}", dense_block(width, u, hp["keep"]))
        width = u
    seq.add_module("logits", nn.Linear(width, 9))
    return seq


model = build(hparams)
optimizer = torch.optim.Adam(model.parameters(), lr=hparams["lr"])
loss_fn = nn.CrossEntropyLoss()
for epoch in range(hparams["epochs"]):
    model.train()
    order = torch.randperm(len(x_train))
    meter = []
    for i in range(0, len(order), hparams["batch"]):
        sel = order[i:i + hparams["batch"]]
        loss = loss_fn(model(x_train[sel]), y_train[sel])
        model.zero_grad()
        loss.backward()
        optimizer.step()
        meter.append(loss.item())
    print(f"epoch {epoch + 1}: {np.mean(meter):.4f}")

model.eval()
with torch.no_grad():
    accuracy = float((model(x_test).argmax(dim=1) == y_test).float().mean())
print(accuracy)
