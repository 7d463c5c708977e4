# Week 6 project: which cellar did this bottle come from?
import numpy as np
import torch
from sklearn.datasets import make_blobs
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

np.random.seed(66)
torch.manual_seed(66)

bottles, cellar = make_blobs(2000, centers=24, n_features=9, cluster_std=2.4, random_state=66)
cellar = cellar % 6                       # every cellar has four house styles
shuffle = np.random.permutation(2000)
bottles, cellar = bottles[shuffle], cellar[shuffle]
scaler = StandardScaler().fit(bottles[:1500])
to_t = lambda a: torch.as_tensor(scaler.transform(a), dtype=torch.float32)
X_train, y_train = to_t(bottles[:1500]), torch.as_tensor(cellar[:1500])
X_test, y_test = to_t(bottles[1500:]), cellar[1500:]

BATCH = 30
EPOCHS = 24


class Sommelier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.nose = torch.nn.Linear(9, 64)
        self.palate = torch.nn.Linear(64, 64)
        self.finish = torch.nn.Linear(64, 6)

    def forward(self, sip):
        sip = self.nose(sip).relu()
        sip = self.palate(sip).relu()
        return self.finish(sip)


expert = Sommelier()
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(expert.parameters(), lr=0.05, momentum=0.9)

losses = []
for epoch in range(EPOCHS):
    expert.train()
    order = np.random.permutation(len(X_train))
    for chunk in np.array_split(order, len(order) // BATCH):
        optimizer.zero_grad()
        output = expert(X_train[chunk])
        loss = criterion(output, y_train[chunk])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 6 == 5:
        print(f"Epoch {epoch + 1}/{EPOCHS} - loss: {losses[-1]:.4f}")

expert.eval()
with torch.no_grad():
    guesses = expert(X_test).numpy().argmax(axis=1)
accuracy = float(accuracy_score(y_test, guesses))
print(f"My sommelier got {accuracy:.1%} right!")
