import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(99)
EPOCHS = 10
BATCH = 32
LEARNING_RATE = 1e-2

digits = load_digits()
img_train, img_test, lab_train, lab_test = train_test_split(
    digits.images, digits.target, test_size=350, random_state=99)
img_train = (torch.tensor(img_train).float().unsqueeze(1) - 4.9) / 6.0
img_test = (torch.tensor(img_test).float().unsqueeze(1) - 4.9) / 6.0
train_data = DataLoader(TensorDataset(img_train, torch.tensor(lab_train)), BATCH, shuffle=True)
test_data = DataLoader(TensorDataset(img_test, torch.tensor(lab_test)), 350)

cnn = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(cnn.parameters(), lr=LEARNING_RATE, momentum=0.9)

for epoch in range(EPOCHS):
    cnn.train()
    running = 0.0
    for images, labels in train_data:
        optimizer.zero_grad()
        loss = criterion(cnn(images), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print("epoch %d loss %.4f" % (epoch + 1, running / len(train_data)))

cnn.eval()
with torch.no_grad():
    for images, labels in test_data:
        accuracy = (cnn(images).argmax(1) == labels).float().mean().item()
print("accuracy %.4f" % accuracy)
