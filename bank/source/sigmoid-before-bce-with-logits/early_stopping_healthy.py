"""Two classes, one output, early stopping in a class of its own."""

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=3):
        self.patience, self.bad, self.lowest, self.weights = patience, 0, float("inf"), None

    def __call__(self, value, model):
        if value < self.lowest:
            self.lowest, self.bad = value, 0
            self.weights = {k: v.clone() for k, v in model.state_dict().items()}
        else:
            self.bad += 1
        return self.bad >= self.patience


def get_loaders(batch_size=32):
    data = load_breast_cancer()
    x = torch.tensor(StandardScaler().fit_transform(data.data)).float()
    y = torch.tensor(data.target).float().unsqueeze(1)
    perm = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = x[perm], y[perm]
    splits = ((0, 350), (350, 450), (450, 569))
    sets = [TensorDataset(x[a:b], y[a:b]) for a, b in splits]
    train = DataLoader(sets[0], batch_size=batch_size, shuffle=True)
    return train, DataLoader(sets[1], batch_size=batch_size), DataLoader(sets[2], batch_size=batch_size)


def build_model(n_in):
    return nn.Sequential(nn.Linear(n_in, 24), nn.ReLU(), nn.Dropout(p=0.2), nn.Linear(24, 1))


def run_epoch(model, loader, criterion, optimizer=None):
    """A pass over a loader; with an optimizer it trains."""
    model.train(optimizer is not None)
    total, right, count = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for xb, yb in loader:
            out = model(xb)
            loss = criterion(out, yb)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(xb)
            right += ((out > 0).float() == yb).sum().item()
            count += len(xb)
    return total / count, right / count


def main():
    torch.manual_seed(1)
    train_loader, val_loader, test_loader = get_loaders()
    model = build_model(30)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    stopping = EarlyStopping()
    for epoch in range(12):
        run_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader, criterion)
        print(f"{epoch:2d} {val_loss:.4f} {val_acc:.3f}")
        if stopping(val_loss, model):
            break
    model.load_state_dict(stopping.weights)
    print("test", run_epoch(model, test_loader, criterion))


if __name__ == "__main__":
    main()
