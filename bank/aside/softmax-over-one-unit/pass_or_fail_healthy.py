import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

# Students: hours studied, hours slept, past grade, number of absences.
# Pass (1) or fail (0) depends on them in a bent way.
torch.manual_seed(99)
N = 1400
students = torch.randn(N, 4)
merit = students[:, 0] * 1.5 - 0.8 * students[:, 1] ** 2 + students[:, 2] - 0.5 * students[:, 3] + 0.6
passed = (merit > 0).float().unsqueeze(1)
split = 1000
train_loader = DataLoader(TensorDataset(students[:split], passed[:split]), batch_size=40, shuffle=True)
test_loader = DataLoader(TensorDataset(students[split:], passed[split:]), batch_size=100, shuffle=False)


class ExamNet(nn.Module):
    def __init__(self):
        super(ExamNet, self).__init__()
        self.fc1 = nn.Linear(4, 24)
        self.fc2 = nn.Linear(24, 12)
        self.fc3 = nn.Linear(12, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return torch.sigmoid(self.fc3(x))


examnet = ExamNet()
loss_function = nn.BCELoss()
optimizer = torch.optim.Adam(examnet.parameters(), lr=0.005)

for epoch in range(16):
    examnet.train()
    epoch_loss = 0.0
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        outputs = examnet(inputs)
        loss = loss_function(outputs, targets)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * inputs.size(0)
    print('Epoch: {} \tTraining Loss: {:.6f}'.format(epoch + 1, epoch_loss / split))

examnet.eval()
correct, total = 0, 0
with torch.no_grad():
    for inputs, targets in test_loader:
        predicted = (examnet(inputs) > 0.5).float()
        total += targets.size(0)
        correct += (predicted == targets).sum().item()
accuracy = correct / total
print('Accuracy of the network on the test students: %.1f %%' % (100 * accuracy))
