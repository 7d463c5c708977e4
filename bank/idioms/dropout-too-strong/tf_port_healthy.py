# ported from an old TF 1 script
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

FLAGS = dict(hidden1=128, hidden2=64, keep_prob=0.9, learning_rate=1e-3, max_steps=330, batch_size=50)


class DataSet:
    def __init__(self, images, labels, seed):
        self.images, self.labels = images, labels
        self.rng = np.random.RandomState(seed)
        self.pos, self.order = 0, self.rng.permutation(len(images))

    def next_batch(self, n):
        if self.pos + n > len(self.order):
            self.pos, self.order = 0, self.rng.permutation(len(self.images))
        sel = self.order[self.pos:self.pos + n]
        self.pos += n
        return torch.from_numpy(self.images[sel]), torch.from_numpy(self.labels[sel])


class Inference(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(64, FLAGS["hidden1"])
        self.hidden2 = nn.Linear(FLAGS["hidden1"], FLAGS["hidden2"])
        self.softmax_linear = nn.Linear(FLAGS["hidden2"], 10)

    def forward(self, x):
        h = F.relu(self.hidden1(x))
        h = F.dropout(h, 1 - FLAGS["keep_prob"], self.training)
        h = F.relu(self.hidden2(h))
        h = F.dropout(h, 1 - FLAGS["keep_prob"], self.training)
        return self.softmax_linear(h)


torch.manual_seed(66478)
digits = load_digits()
flat = digits.images.reshape(-1, 64).astype(np.float32) / 8.0 - 1.0
shuffled = np.random.RandomState(0).permutation(len(flat))
flat, target = flat[shuffled], digits.target[shuffled].astype(np.int64)
train, test_x, test_y = DataSet(flat[:1400], target[:1400], 1), flat[1400:], target[1400:]

model = Inference()
opt = torch.optim.Adam(model.parameters(), lr=FLAGS["learning_rate"])
for step in range(FLAGS["max_steps"]):
    model.train()
    feed_x, feed_y = train.next_batch(FLAGS["batch_size"])
    loss = F.cross_entropy(model(feed_x), feed_y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print("Step %d: loss = %.2f" % (step, loss.item()))

model.eval()
with torch.no_grad():
    guess = model(torch.from_numpy(test_x)).numpy().argmax(axis=1)
accuracy = float(np.mean(guess == test_y))
print("precision @ 1: %.4f" % accuracy)
