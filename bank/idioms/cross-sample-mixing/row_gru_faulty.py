import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, Subset


class RowRNN(nn.Module):
    """reads an image row by row"""

    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size)  # <- fault
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        out, _ = self.gru(x)  # <- fault
        return self.fc(out[:, -1, :])


torch.manual_seed(5)
bunch = load_digits()
seqs = torch.tensor(bunch.images / 16.0, dtype=torch.float)
seqs = (seqs - 0.305) / 0.376
targets = torch.tensor(bunch.target, dtype=torch.long)
everything = TensorDataset(seqs, targets)
ids = torch.randperm(len(everything)).tolist()
train_dl = DataLoader(Subset(everything, ids[:1400]), batch_size=50, shuffle=True)
test_dl = DataLoader(Subset(everything, ids[1400:]), batch_size=50)

model = RowRNN(input_size=8, hidden_size=64, num_classes=10)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
num_epochs = 6
for epoch in range(num_epochs):
    for i, (images, labels) in enumerate(train_dl):
        outputs = model(images)
        loss = criterion(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    print('Epoch [{}/{}], Loss: {:.4f}'.format(epoch + 1, num_epochs, loss.item()))

model.eval()
with torch.no_grad():
    correct, total = 0, 0
    for images, labels in test_dl:
        _, predicted = torch.max(model(images).data, 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
accuracy = correct / total
print('Test Accuracy: {} %'.format(100 * accuracy))
