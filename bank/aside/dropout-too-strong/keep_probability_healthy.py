import torch
import torch.nn as nn
import numpy as np
from sklearn.datasets import load_digits

# port of an old tensorflow-1 homework
KEEP_PROB = 0.85
N_HIDDEN_1 = 128
N_HIDDEN_2 = 64
N_CLASSES = 10
LEARNING_RATE = 0.002
TRAINING_EPOCHS = 12
BATCH_SIZE = 100


class MultilayerPerceptron(nn.Module):
    def __init__(self, keep_prob):
        super(MultilayerPerceptron, self).__init__()
        self.layer_1 = nn.Linear(64, N_HIDDEN_1)
        self.layer_2 = nn.Linear(N_HIDDEN_1, N_HIDDEN_2)
        self.out_layer = nn.Linear(N_HIDDEN_2, N_CLASSES)
        self.drop = nn.Dropout(1 - keep_prob)

    def forward(self, x):
        layer_1 = self.drop(torch.relu(self.layer_1(x)))
        layer_2 = self.drop(torch.relu(self.layer_2(layer_1)))
        return self.out_layer(layer_2)


torch.manual_seed(1234)
np.random.seed(1234)
digits = load_digits()
ids = np.random.permutation(len(digits.data))
data = (digits.data[ids] / 16.0 - 0.305) / 0.376
train_x, test_x = torch.tensor(data[:1300]).float(), torch.tensor(data[1300:]).float()
train_y, test_y = torch.tensor(digits.target[ids[:1300]]), torch.tensor(digits.target[ids[1300:]])

pred = MultilayerPerceptron(KEEP_PROB)
cost_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(pred.parameters(), lr=LEARNING_RATE)

for epoch in range(TRAINING_EPOCHS):
    pred.train()
    avg_cost = 0.0
    total_batch = len(train_x) // BATCH_SIZE
    order = np.random.permutation(len(train_x))
    for i in range(total_batch):
        batch = order[i * BATCH_SIZE:(i + 1) * BATCH_SIZE]
        cost = cost_fn(pred(train_x[batch]), train_y[batch])
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        avg_cost += cost.item() / total_batch
    print("Epoch: %04d cost= %.6f" % (epoch + 1, avg_cost))
print("Optimization Finished!")

pred.eval()
with torch.no_grad():
    accuracy = torch.eq(pred(test_x).argmax(1), test_y).float().mean().item()
print("Accuracy:", accuracy)
