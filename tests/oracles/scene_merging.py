"""Scene merging in plain NumPy, from the paper's equations 7 and 8 and Appendix C. It is slow and uses float64.

It shares no code with the package. Scenes have the shape (scenes, frames, patches, width).
"""

import numpy as np


def weighted(scenes, weight):
    """Eq. 7 and 8: F = sum_k W_k * V_k, element by element."""
    merged = np.zeros((scenes.shape[0], *scenes.shape[2:]))
    for s in range(scenes.shape[0]):
        for k in range(scenes.shape[1]):
            merged[s] += weight[k].astype(np.float64) * scenes[s, k].astype(np.float64)
    return merged


def average(scenes):
    return weighted(scenes, np.full(scenes.shape[1:], 1 / scenes.shape[1]))


def attention(scenes, query_weight, key_weight):
    """C.1: at each patch the middle frame is the query. The softmax is over the frames."""
    num_scenes, scene_size, num_patches, width = scenes.shape
    scenes, query_weight, key_weight = (x.astype(np.float64) for x in (scenes, query_weight, key_weight))
    merged = np.zeros((num_scenes, num_patches, width))
    for s in range(num_scenes):
        for p in range(num_patches):
            query = query_weight @ scenes[s, scene_size // 2, p]
            scores = np.array([query @ (key_weight @ scenes[s, k, p]) for k in range(scene_size)]) / np.sqrt(width)
            shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
            for k in range(scene_size):
                merged[s, p] += shares[k] * scenes[s, k, p]
    return merged


def bipartite(scenes):
    """C.2: repeats Algorithm 1 on the tokens of each scene until one token per patch is left."""
    num_scenes, scene_size, num_patches, width = scenes.shape
    merged = np.zeros((num_scenes, num_patches, width))
    for s in range(num_scenes):
        # A token is the list of original tokens it stands for; its value is their mean.
        tokens = [[scenes[s, k, p].astype(np.float64)] for p in range(num_patches) for k in range(scene_size)]
        while len(tokens) > num_patches:
            tokens = merge_once(tokens, min(len(tokens) - num_patches, len(tokens) // 2))
        merged[s] = [np.mean(token, axis=0) for token in tokens]
    return merged


def merge_once(tokens, num_merged):
    """Algorithm 1: links each token of A to the most similar token of B, and merges along the strongest links."""
    side_a, side_b = range(0, len(tokens), 2), range(1, len(tokens), 2)
    units = [np.mean(token, axis=0) / np.linalg.norm(np.mean(token, axis=0)) for token in tokens]
    links = []
    for i in side_a:
        similarities = [round(float(units[i] @ units[j]), 9) for j in side_b]
        best = similarities.index(max(similarities))
        links.append((similarities[best], i, side_b[best]))
    strongest = sorted(links, key=lambda link: -link[0])[:num_merged]
    grown = [list(token) for token in tokens]
    for _, i, j in strongest:
        grown[j] += tokens[i]
    gone = {i for _, i, _ in strongest}
    return [token for i, token in enumerate(grown) if i not in gone]
