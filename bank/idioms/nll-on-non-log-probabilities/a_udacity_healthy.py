import torch
import torch.nn as nn
import torch.optim as optim
import torch.nn.functional as F
from sklearn import datasets
from sklearn.model_selection import train_test_split

torch.manual_seed(1)

data = datasets.load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    data.images[:, None] / 16., data.target, test_size=0.3, random_state=1)
trainset = torch.utils.data.TensorDataset(torch.Tensor(X_train), torch.LongTensor(y_train))
testset = torch.utils.data.TensorDataset(torch.Tensor(X_test), torch.LongTensor(y_test))
trainloader = torch.utils.data.DataLoader(trainset, batch_size=32, shuffle=True)
testloader = torch.utils.data.DataLoader(testset, batch_size=128, shuffle=False)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 24)
        self.fc3 = nn.Linear(24, 10)

    def forward(self, x):
        # make sure input tensor is flattened
        x = x.view(x.shape[0], -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = F.log_softmax(self.fc3(x), dim=1)
        return x


model = Classifier()
criterion = nn.NLLLoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)

epochs = 8
train_losses, test_losses = [], []
for e in range(epochs):
    running_loss = 0
    for images, labels in trainloader:
        optimizer.zero_grad()
        out = model(images)
        loss = criterion(out, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    train_losses.append(running_loss / len(trainloader))
    print("Epoch: {}/{}.. ".format(e + 1, epochs), "Training Loss: {:.3f}.. ".format(train_losses[-1]))

correct = 0
with torch.no_grad():
    model.eval()
    for images, labels in testloader:
        top_p, top_class = model(images).topk(1, dim=1)
        equals = top_class == labels.view(*top_class.shape)
        correct += equals.sum().item()
accuracy = correct / len(testset)
print("Test Accuracy: {:.3f}".format(accuracy))
