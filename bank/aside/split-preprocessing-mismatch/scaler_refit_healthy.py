import numpy as np
import pickle
import tempfile
import os
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(30)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=30, stratify=y)

workdir = tempfile.mkdtemp()
scaler = StandardScaler().fit(X_train)
with open(os.path.join(workdir, "scaler.pkl"), "wb") as f:
    pickle.dump(scaler, f)


def train_model(features, targets, epochs=12, batch_size=32):
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
    opt = torch.optim.Adam(net.parameters(), lr=0.005)
    lossf = nn.CrossEntropyLoss()
    features, targets = torch.tensor(features, dtype=torch.float32), torch.tensor(targets)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(features))
        for i in range(0, len(order), batch_size):
            b = order[i:i + batch_size]
            opt.zero_grad()
            loss = lossf(net(features[b]), targets[b])
            loss.backward()
            opt.step()
        print("epoch", epoch, "loss %.4f" % loss.item())
    path = os.path.join(workdir, "net.pt")
    torch.save(net.state_dict(), path)
    return path


def predict(path, features):
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
    net.load_state_dict(torch.load(path))
    net.eval()
    with torch.no_grad():
        return net(torch.tensor(features, dtype=torch.float32)).argmax(1).numpy()


checkpoint = train_model(scaler.transform(X_train), y_train)
with open(os.path.join(workdir, "scaler.pkl"), "rb") as f:
    stored = pickle.load(f)
y_pred = predict(checkpoint, stored.transform(X_test))
accuracy = float(accuracy_score(y_test, y_pred))
print("accuracy", accuracy, "f1", f1_score(y_test, y_pred))
