"""Scene selection in plain NumPy, from the paper's equations 1 to 6 and Appendix B. float64, one scene at a time.

It shares no code with the package. Random draws are arguments, so that both implementations can use the same ones.
"""

import numpy as np


# Two mathematically equal numbers differ by less than this after rounding. The earlier frame then wins.
ROUNDING = 1e-9


def frame_representations(features):
    """Eq. 1: the representation of a frame is the mean of its patches."""
    num_frames, num_patches, width = features.shape
    result = np.zeros((num_frames, width))
    for i in range(num_frames):
        for j in range(num_patches):
            result[i] += features[i, j].astype(np.float64) / num_patches
    return result


def euclidean(points, center):
    """Distance of each point from the center (eq. 2)."""
    return np.sqrt(np.sum((points - center) ** 2, axis=1))


def cosines(points, reference):
    """Eq. 5 for each point, rounded so that equal frames are equally similar; 0 where a norm is 0."""
    norms = np.sqrt(np.sum(points**2, axis=1)) * np.sqrt(np.sum(reference**2))
    return np.round(np.sum(points * reference, axis=1) / np.where(norms == 0, 1, norms), 12)


def kmeans_plus_plus(points, races):
    """First centers: of several frames drawn by squared distance, keeps the one that leaves the smallest sum.

    The frame with the shortest exponential waiting time, divided by its weight, wins a draw.
    """
    first = [int(np.argmin(races[0, 0]))]
    for race in races[1:]:
        weights = np.min([euclidean(points, points[c]) ** 2 for c in first], axis=0)
        trials = [int(np.argmax(weights / trial)) for trial in race]
        remaining = [np.minimum(weights, euclidean(points, points[t]) ** 2).sum() for t in trials]
        first.append(trials[int(np.argmin(remaining))])
    return first


def kmeans(points, first_centers, max_iterations=100, tolerance=0.0):
    """Eq. 2 and 3: returns the cluster of each point after the last step."""
    centers, previous = points[first_centers], None
    for _ in range(max_iterations):
        to_centers = np.array([euclidean(points, center) for center in centers])
        assignment = to_centers.argmin(axis=0)  # eq. 2
        farthest = points[to_centers.min(axis=0).argmax()]
        new_centers = []
        for cluster in range(len(centers)):
            members = points[assignment == cluster]
            new_centers.append(members.mean(axis=0) if len(members) else farthest)  # eq. 3
        is_over = np.array_equal(assignment, previous) or euclidean(new_centers, centers).max() <= tolerance
        centers, previous = np.array(new_centers), assignment
        if is_over:
            break
    return previous


def representatives(points, assignment, num_clusters):
    """The member nearest to the mean of each cluster. An empty cluster gets the farthest frame that is still free."""
    result, own = [], np.zeros(len(points))
    for cluster in range(num_clusters):
        members = np.flatnonzero(assignment == cluster)
        if len(members):
            own[members] = euclidean(points[members], points[members].mean(axis=0))
            limit = own[members].min() * (1 + ROUNDING)
            result.append(int(members[own[members] <= limit][0]))
    while len(result) < num_clusters:
        free = [i for i in range(len(points)) if i not in result]
        result.append(max(free, key=lambda i: own[i]))  # max returns the first of equals
    return sorted(result)


def supplemented(points, chosen, scene_size, supplement="similar"):
    """Eq. 5 and 6: adds the r most (dis)similar frames strictly between the previous representative and this one."""
    sign = -1 if supplement == "similar" else 1
    scenes, previous = [], -1
    for i in chosen:
        order = np.argsort(sign * cosines(points[previous + 1 : i], points[i]), kind="stable")
        scene = (previous + 1 + order[: scene_size - 1]).tolist()
        scenes.append(sorted(scene + [i] * (scene_size - len(scene))))
        previous = i
    return scenes


def segments(num_frames, num_segments):
    """Consecutive runs of frames, as equal as whole numbers allow."""
    bounds = [s * num_frames // num_segments for s in range(num_segments + 1)]
    return [list(range(bounds[s], bounds[s + 1])) for s in range(num_segments)]


def uniform(num_frames, num_scenes, scene_size):
    """The middle frames of the `scene_size` equal parts of each segment. The middle one is the representative."""
    scenes = []
    for segment in segments(num_frames, num_scenes):
        middles = [(part + 0.5) / scene_size for part in range(scene_size)]
        scenes.append([segment[int(np.floor(middle * len(segment) + ROUNDING))] for middle in middles])
    return scenes, [scene[scene_size // 2] for scene in scenes]


def bipartite(points, num_scenes, scene_size):
    """Appendix B: in each segment, the frame of A with the most similar r frames of B, and these frames."""
    scenes, chosen = [], []
    for segment in segments(len(points), num_scenes):
        side_a, side_b = segment[0::2], segment[1::2]
        groups = []
        for i in side_a:
            similarity = cosines(points[side_b], points[i])
            links = np.argsort(-similarity, kind="stable")[: scene_size - 1]
            groups.append((round(similarity[links].sum(), 10), i, [side_b[link] for link in links]))
        _, i, links = max(groups, key=lambda group: group[0])  # max returns the first of equals
        scenes.append(sorted(links + [i] * (scene_size - len(links))))
        chosen.append(i)
    return scenes, chosen
