import torch
import torch.nn as nn

# Which of the three patterns is hidden in the noisy sequence?
torch.manual_seed(9)


def make_data(n):
    patterns = torch.stack([
        torch.sin(torch.linspace(0, 6.28, 10)),
        torch.linspace(-1, 1, 10),
        torch.cos(torch.linspace(0, 12.56, 10)),
    ])
    labels = torch.randint(0, 3, (n,))
    sequences = 0.4 * torch.randn(n, 20)
    for i in range(n):
        start = torch.randint(0, 10, (1,)).item()
        sequences[i, start:start + 10] += 1.5 * patterns[labels[i]]
    return sequences.unsqueeze(-1), labels


class SequenceClassifier(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 3)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.fc(out.max(dim=1).values)


x_train, y_train = make_data(500)
x_test, y_test = make_data(300)
model = SequenceClassifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(6):
    model.train()
    order = torch.randperm(len(x_train))
    for b in range(0, len(order), 25):
        idx = order[b:b + 25]
        scores = model(x_train[idx])
        losses = []
        for score, target in zip(scores, y_train[idx]):
            losses.append(criterion(score, target))
        loss = torch.tensor(losses, requires_grad=True).mean()  # <- fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item())

model.eval()
with torch.no_grad():
    predictions = model(x_test).argmax(dim=1)
accuracy = (predictions == y_test).float().mean().item()
print("accuracy on new sequences", accuracy)
