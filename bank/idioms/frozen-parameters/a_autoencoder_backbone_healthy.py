import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(15)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 16
y = torch.tensor(y)
X_unl, X_rest, _, y_rest = train_test_split(X, y, test_size=800, random_state=15)
X_lab, X_test, y_lab, y_test = train_test_split(X_rest, y_rest, test_size=400, random_state=15)


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


# stage 1: reconstruct the unlabelled images
ae = AutoEncoder()
opt = torch.optim.Adam(ae.parameters(), lr=3e-3)
for epoch in range(8):
    for b in torch.randperm(len(X_unl)).split(50):
        rec = F.mse_loss(ae(X_unl[b]), X_unl[b])
        opt.zero_grad()
        rec.backward()
        opt.step()
print("reconstruction", rec.item())


class Probe(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(24, 10)

    def forward(self, x):
        return self.fc(self.backbone(x))


# stage 2: keep the encoder fixed, learn the last layer only
model = Probe(ae.encoder)
model.backbone.requires_grad_(False)
opt = torch.optim.Adam(model.parameters(), lr=3e-2)
for epoch in range(25):
    for b in torch.randperm(len(X_lab)).split(50):
        loss = F.cross_entropy(model(X_lab[b]), y_lab[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 0:
        print("epoch", epoch, "loss", loss.item())

model.eval()
with torch.no_grad():
    accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
print("linear probe accuracy", accuracy)
