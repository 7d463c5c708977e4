import torch

torch.manual_seed(2)
torch.set_default_dtype(torch.float32)


def glyph(rows, seed, n):
    """n noisy, shifted copies of an ASCII drawing, one row per copy."""
    g = torch.Generator().manual_seed(seed)
    art = torch.tensor([[c == "#" for c in r] for r in rows]).float()
    stack = []
    for _ in range(n):
        canvas = torch.zeros(9, 9)
        r, c = torch.randint(0, 4, (2,), generator=g).tolist()
        canvas[r:r + 6, c:c + 6] = art
        stack.append(canvas + 0.45 * torch.randn(9, 9, generator=g))
    return torch.stack(stack)


ARTS = {
    "L": ("#.....", "#.....", "#.....", "#.....", "#.....", "######"),
    "T": ("######", "..#...", "..#...", "..#...", "..#...", "..#..."),
    "X": ("#....#", ".#..#.", "..##..", "..##..", ".#..#.", "#....#"),
    "O": ("######", "#....#", "#....#", "#....#", "#....#", "######"),
    "H": ("#....#", "#....#", "######", "#....#", "#....#", "#....#"),
}


def assemble(per_class, offset):
    pictures = torch.cat([glyph(a, offset + i, per_class) for i, a in enumerate(ARTS.values())])
    return (pictures[:, None] - 0.15) / 0.55, torch.arange(len(ARTS)).repeat_interleave(per_class)


def stream(pictures, codes, size, epochs):
    for _ in range(epochs):
        position = torch.randperm(len(codes))
        for lo in range(0, len(codes), size):
            window = position[lo:lo + size]
            yield pictures[window], codes[window]


layers = [torch.nn.Conv2d(1, 10, 3), torch.nn.LeakyReLU(0.1), torch.nn.Conv2d(10, 16, 3), torch.nn.LeakyReLU(0.1),
          torch.nn.AdaptiveMaxPool2d(3), torch.nn.Flatten(), torch.nn.Linear(144, len(ARTS))]
predict = torch.nn.Sequential(*layers)
opt = torch.optim.SGD(predict.parameters(), lr=0.01, momentum=0.9)

train_pics, train_codes = assemble(160, 1000)
for n, (pics, codes) in enumerate(stream(train_pics, train_codes, 32, epochs=8)):
    loss = torch.nn.functional.cross_entropy(predict(pics), codes)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if n % 25 == 24:
        print(n + 1, round(loss.item(), 4))

fresh_pics, fresh_codes = assemble(80, 2000)
with torch.no_grad():
    accuracy = predict(fresh_pics).argmax(1).eq(fresh_codes).float().mean().item()
print("accuracy on fresh drawings", accuracy)
