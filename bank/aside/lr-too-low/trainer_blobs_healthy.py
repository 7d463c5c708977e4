import json
import torch
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

SETTINGS = json.loads("""
{
  "seed": 8, "classes": 7, "width": 50, "epochs": 9, "batch_size": 40
}
""")
BASE_LR = 2e-2


class Trainer:
    def __init__(self, model, optimizer, loss_fn):
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn
        self.history = []

    def fit(self, x, y, epochs, batch_size):
        for _ in range(epochs):
            self.model.train()
            order = torch.randperm(len(x))
            seen = []
            for part in torch.split(order, batch_size):
                seen.append(self.step(x[part], y[part]))
            self.history.append(sum(seen) / len(seen))
        return self

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def score(self, x, y):
        self.model.eval()
        return float(np.mean(self.model(x).argmax(1).numpy() == y.numpy()))


torch.manual_seed(SETTINGS["seed"])
pts, lab = make_blobs(1500, n_features=5, centers=SETTINGS["classes"], cluster_std=2.6, random_state=SETTINGS["seed"])
a, b, ya, yb = train_test_split(pts, lab, test_size=400, random_state=1, stratify=lab)
m, s = a.mean(0), a.std(0)
a, b = [torch.tensor((q - m) / s, dtype=torch.float) for q in (a, b)]
ya, yb = torch.tensor(ya), torch.tensor(yb)
mlp = torch.nn.Sequential(torch.nn.Linear(5, SETTINGS["width"]), torch.nn.ReLU(),
                          torch.nn.Linear(SETTINGS["width"], SETTINGS["classes"]))
opt = torch.optim.SGD(mlp.parameters(), lr=BASE_LR, momentum=0.9, nesterov=True)
trainer = Trainer(mlp, opt, torch.nn.CrossEntropyLoss()).fit(a, ya, SETTINGS["epochs"], SETTINGS["batch_size"])
print("history", [round(h, 3) for h in trainer.history])
accuracy = trainer.score(b, yb)
print("accuracy", accuracy)
