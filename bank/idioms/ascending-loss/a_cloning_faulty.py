import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(8)

x, y = make_classification(n_samples=1500, n_features=10, n_informative=8, n_redundant=0, n_classes=3,
                           n_clusters_per_class=1, class_sep=1.8, flip_y=0, random_state=80)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y)
train_x, train_y, held_x, held_y = x[:1100], y[:1100], x[1100:], y[1100:]
mu, sigma = train_x.mean(0, keepdim=True), train_x.std(0, keepdim=True)
train_x, held_x = (train_x - mu) / sigma, (held_x - mu) / sigma


class Policy(nn.Module):
    def __init__(self, obs, actions):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(obs, 32), nn.Tanh(), nn.Linear(32, actions))

    def log_prob(self, obs, action):
        dist = torch.distributions.Categorical(logits=self.net(obs))
        return dist.log_prob(action)

    def act(self, obs):
        return self.net(obs).argmax(-1)


# behaviour cloning of the expert's choices
policy = Policy(10, 3)
optimiser = torch.optim.Adam(policy.parameters(), lr=3e-3)
for epoch in range(10):
    perm = torch.randperm(len(train_x))
    for start in range(0, len(perm), 50):
        ids = perm[start:start + 50]
        loss = policy.log_prob(train_x[ids], train_y[ids]).mean()  # <- fault
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print("epoch", epoch, "objective", round(loss.item(), 4))

with torch.no_grad():
    accuracy = (policy.act(held_x) == held_y).float().mean().item()
print("agreement with the expert", accuracy)
