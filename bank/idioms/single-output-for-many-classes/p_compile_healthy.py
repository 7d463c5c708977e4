import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_blobs


class Model:
    """model.compile / model.fit / model.evaluate, because old habits..."""

    def __init__(self, *layers):
        self.net = nn.Sequential(*layers)

    def compile(self, optimizer, loss, decide):
        self.optimizer = optimizer(self.net.parameters())
        self.loss = loss
        self.decide = decide

    def fit(self, x, y, epochs=10, batch_size=32, validation_data=None):
        x, y = torch.as_tensor(x), torch.as_tensor(y)
        n = len(x) // batch_size * batch_size
        for epoch in range(epochs):
            self.net.train()
            logs = []
            for ids in torch.randperm(len(x))[:n].view(-1, batch_size):
                loss = self.loss(self.net(x[ids]), y[ids])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                logs.append(loss.item())
            msg = f"Epoch {epoch + 1} loss: {np.mean(logs):.4f}"
            if validation_data is not None:
                msg += f" val_acc: {self.evaluate(*validation_data):.4f}"
            print(msg)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.net.eval()
        pred = self.decide(self.net(torch.as_tensor(x)))
        return float((pred == torch.as_tensor(y)).float().mean())


torch.manual_seed(123)
centers = np.array([[0, 0, 2], [2, 1, 0], [-2, 1, 0], [0, -2, -1], [3, 3, 3]], dtype=float)
x, y = make_blobs(1800, centers=centers, cluster_std=0.7, random_state=123)
x = x.astype(np.float32)
tr, va, te = slice(0, 1200), slice(1200, 1400), slice(1400, None)
x = (x - x[tr].mean(0)) / x[tr].std(0)

model = Model(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5))
model.compile(
    optimizer=lambda p: torch.optim.RMSprop(p, lr=1e-3),
    loss=lambda z, t: nn.functional.cross_entropy(z, t),
    decide=lambda z: z.argmax(1),
)
model.fit(x[tr], y[tr], epochs=9, batch_size=40, validation_data=(x[va], y[va]))
accuracy = model.evaluate(x[te], y[te])
print("evaluate:", accuracy)
