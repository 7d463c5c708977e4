# ported from my tf.keras notebook
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

np.random.seed(1)
torch.manual_seed(1)

KERAS_MOMENTUM = 0.9999  # <- fault


def Conv2D(c_in, filters, k=3):
    return nn.Conv2d(c_in, filters, k, padding="same")


def BatchNormalization(c):
    return nn.BatchNorm2d(c, eps=1e-3, momentum=1.0 - KERAS_MOMENTUM)  # <- fault


digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.images[:, None].astype("float32"), digits.target, test_size=0.25,
    random_state=5, stratify=digits.target)
mean, std = x_train.mean(), x_train.std()
x_train, x_test = [torch.tensor((a - mean) / std) for a in (x_train, x_test)]
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

model = nn.Sequential()
filters = [1, 12, 24]
for i, (a, b) in enumerate(zip(filters, filters[1:])):
    model.add_module(f"conv{i}", Conv2D(a, b))
    model.add_module(f"bn{i}", BatchNormalization(b))
    model.add_module(f"relu{i}", nn.ReLU())
    model.add_module(f"pool{i}", nn.MaxPool2d(2))
model.add_module("flatten", nn.Flatten())
model.add_module("fc", nn.Linear(24 * 4, 48))
model.add_module("bn_fc", nn.Sequential(nn.Unflatten(1, (48, 1, 1)), BatchNormalization(48), nn.Flatten()))
model.add_module("relu_fc", nn.ReLU())
model.add_module("softmax_logits", nn.Linear(48, 10))


def fit(model, x, y, epochs, batch_size):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    history = {"loss": [], "acc": []}
    for epoch in range(epochs):
        model.train()
        perm = torch.from_numpy(np.random.permutation(len(x)))
        losses, right = [], 0
        for i in range(0, len(x) - batch_size + 1, batch_size):
            sel = perm[i:i + batch_size]
            out = model(x[sel])
            loss = nn.functional.cross_entropy(out, y[sel])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += int((out.argmax(1) == y[sel]).sum())
        history["loss"].append(np.mean(losses))
        history["acc"].append(right / (len(losses) * batch_size))
        print(f"Epoch {epoch + 1}/{epochs} - loss: {history['loss'][-1]:.4f} - acc: {history['acc'][-1]:.4f}")
    return history


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


fit(model, x_train, y_train, epochs=6, batch_size=64)
accuracy = evaluate(model, x_test, y_test)
print("test accuracy", accuracy)
