import numpy as np
import torch
from sklearn.datasets import make_blobs

# flags
FLAGS = dict(learning_rate=0.05, max_steps=240, batch_size=64, hidden1=48, num_classes=12, seed=1234)
torch.manual_seed(FLAGS["seed"])
np.random.seed(FLAGS["seed"])

features, classes = make_blobs(2600, centers=FLAGS["num_classes"], n_features=6, cluster_std=2.6,
                               center_box=(-7, 7), random_state=FLAGS["seed"])
order = np.random.permutation(len(features))
features, classes = features[order], classes[order]
train_f, eval_f = features[:2000], features[2000:]
offset, divisor = train_f.mean(axis=0), train_f.std(axis=0)


def as_feed(f, c):
    return {
        "x": torch.from_numpy(((f - offset) / divisor).astype(np.float32)),
        "y_": torch.from_numpy(np.eye(FLAGS["num_classes"], dtype=np.float32)[c]),
    }


train_feed, eval_feed = as_feed(train_f, classes[:2000]), as_feed(eval_f, classes[2000:])
hidden1 = torch.nn.Linear(6, FLAGS["hidden1"])
softmax_linear = torch.nn.Linear(FLAGS["hidden1"], FLAGS["num_classes"])


def inference(x):
    return softmax_linear(torch.nn.functional.relu(hidden1(x)))


def loss_op(logits, y_):
    return torch.nn.functional.cross_entropy(logits, y_)


optimizer = torch.optim.SGD([*hidden1.parameters(), *softmax_linear.parameters()],
                            lr=FLAGS["learning_rate"], momentum=0.9)
for step in range(FLAGS["max_steps"]):
    picked = torch.from_numpy(np.random.choice(2000, FLAGS["batch_size"], replace=False))
    loss = loss_op(inference(train_feed["x"][picked]), train_feed["y_"][picked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 59:
        print("Step %d: loss = %.4f" % (step, loss.item()))

with torch.no_grad():
    in_top_1 = inference(eval_feed["x"]).argmax(1) == eval_feed["y_"].argmax(1)
accuracy = in_top_1.float().mean().item()
print("Precision @ 1: %.4f" % accuracy)
