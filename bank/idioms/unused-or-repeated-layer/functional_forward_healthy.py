import numpy as np, torch
import torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, 96)
        self.fc3 = nn.Linear(96, 96)
        self.fc4 = nn.Linear(96, 10)
    def forward(self, x):
        x = x.view(x.shape[0], -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = F.relu(self.fc3(x))
        return self.fc4(x)

torch.manual_seed(0); np.random.seed(0)
images, labels = load_digits().images, load_digits().target
tr_x, te_x, tr_y, te_y = train_test_split(images, labels, test_size=.2, random_state=0)
tr_x = (torch.Tensor(tr_x) / 16 - .5) / .5
te_x = (torch.Tensor(te_x) / 16 - .5) / .5
tr_y, te_y = torch.LongTensor(tr_y), torch.LongTensor(te_y)
trainloader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(tr_x, tr_y), batch_size=64, shuffle=True)

model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

epochs = 10
for e in range(epochs):
    running_loss = 0
    for images, labels in trainloader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    else:
        print(f"Training loss: {running_loss/len(trainloader)}")

with torch.no_grad():
    ps = F.softmax(model(te_x), dim=1)
    top_p, top_class = ps.topk(1, dim=1)
    equals = top_class == te_y.view(*top_class.shape)
    accuracy = torch.mean(equals.type(torch.FloatTensor)).item()
print(f'Accuracy: {accuracy*100}%')
