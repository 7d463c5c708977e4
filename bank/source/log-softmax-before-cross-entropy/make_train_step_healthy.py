"""Functions that make functions: a step is a closure over model, loss and optimizer."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def make_train_step(model, loss_fn, optimizer, max_norm=None):
    def train_step(x, y):
        model.train()
        yhat = model(x)
        loss = loss_fn(yhat, y)
        loss.backward()
        if max_norm:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return train_step


def make_eval_step(model, loss_fn):
    def eval_step(x, y):
        model.eval()
        with torch.no_grad():
            yhat = model(x)
            return loss_fn(yhat, y).item(), (yhat.argmax(-1) == y).float().mean().item()

    return eval_step


class GRUClassifier(nn.Module):
    def __init__(self, n_words, n_classes, dim=16):
        super().__init__()
        self.embedding = nn.Embedding(n_words, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(dim, n_classes)

    def forward(self, tokens):
        states, last = self.gru(self.embedding(tokens))
        return self.output(self.dropout(last.squeeze(0)))


torch.manual_seed(11)
tokens = torch.randint(0, 20, (900, 7))
label = (tokens < 7).sum(1).clamp(1, 4) - 1
model = GRUClassifier(20, 4)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
step = make_train_step(model, F.cross_entropy, optimizer, max_norm=1.0)
check = make_eval_step(model, F.cross_entropy)
for epoch in range(3):
    for chunk in torch.randperm(700).split(50):
        step(tokens[chunk], label[chunk])
    print(epoch, check(tokens[700:800], label[700:800]))
print("test", check(tokens[800:], label[800:]))
