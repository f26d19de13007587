"""A simulation saved and loaded goes on bit for bit; a file that is not a sound snapshot is
refused.
"""

import io
import json

import h5py
import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DataError
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import Constant, FixedProbability, Ideal, Normal, Poisson
from potentia.sim.description.currents import Noise
from potentia.sim.description.inputs import SpikeTrain
from potentia.sim.runs import snapshot
from potentia.version import __version__


def network(probes=True):
    net = Network(seed=5)
    exc = net.population(LIF(), 60, name="exc")
    inh = net.population(LIF(), 15, name="inh")
    net.connect(exc, inh, FixedProbability(0.2), weight=Normal(2e-3, 2e-4), delay=1.5e-3)
    net.connect(exc, exc, FixedProbability(0.1), weight=1e-3, delay=7e-3)
    net.connect(inh, exc, FixedProbability(0.2), weight=-2e-3, delay=2e-3)
    net.stimulate(exc, Constant(17e-3))
    net.stimulate(exc, Noise(std=4e-3, interval=1e-3))
    net.stimulate(inh, Poisson(rate=800.0, weight=2e-3))
    net.stimulate(inh, SpikeTrain(np.arange(1, 50) * 2e-3, np.arange(49) % 15, weight=20e-3))
    if probes:
        net.probe(exc, "spikes")
        net.probe(exc, "v", every=1e-3, ids=[0, 7])
        net.probe(inh, "rate", every=3e-3)
        net.probe(inh, "counts", every=7e-3)
    return net


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a snapshot at 53 ms, with spikes in flight and half-full intervals of probes."""
    sim = Simulator(network(), chunk=100)
    sim.run(0.053)
    path = tmp_path_factory.mktemp("snapshot") / "s.h5"
    sim.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cuts", [(0.05, 0.05), (0.0, 0.1), (0.0371, 0.0129, 0.05)])
def test_resumed_runs_equal_the_uninterrupted_one(tmp_path, dtype, cuts):
    whole = Simulator(network(), dtype=dtype).run(0.1)
    sim, pieces = Simulator(network(), dtype=dtype, chunk=37), []
    for k, cut in enumerate(cuts):
        pieces.append(sim.run(cut))
        sim.save(tmp_path / f"{k}.h5")
        # again and again: restoring twice is its own trap
        sim = Simulator.load(tmp_path / f"{k}.h5")
    assert sim.time == pytest.approx(0.1)
    assert pieces[-1].hash == whole.hash
    assert np.array_equal(
        np.concatenate([piece.trace("exc", "v") for piece in pieces]), whole.trace("exc", "v")
    )
    assert np.array_equal(
        np.concatenate([piece.rate("inh") for piece in pieces]), whole.rate("inh")
    )
    assert np.array_equal(
        np.concatenate([piece.counts("inh") for piece in pieces]), whole.counts("inh")
    )
    assert np.array_equal(
        np.concatenate([p.spikes("exc").times for p in pieces]), whole.spikes("exc").times
    )


def plastic(store):
    net = Network(seed=4)
    pre, post = (
        net.population(SpikeSource(), 40, name="pre"),
        net.population(LIF(), 10, name="post"),
    )
    joined = net.connect(
        pre, post, FixedProbability(0.5), weight=2e-3, delay=3e-3, store=store, rule=STDP()
    )
    net.stimulate(pre, Poisson(rate=60.0))
    net.stimulate(post, Constant(14e-3))
    net.probe(joined, "weights", every=0.02)
    return net, joined


@pytest.mark.parametrize("store", [Ideal(), Crossbar(BreakdownReRAM())], ids=["ideal", "crossbar"])
def test_learning_goes_on_bit_for_bit(tmp_path, store):
    net, joined = plastic(store)
    sim = Simulator(net)
    before = sim.weights(joined)
    whole = sim.run(0.2)
    half = Simulator(plastic(store)[0])
    half.run(0.1)
    half.save(tmp_path / "a.h5")
    again = Simulator.load(tmp_path / "a.h5")
    rest = again.run(0.1)
    assert rest.hash == whole.hash
    after = sim.weights(joined)
    assert not np.array_equal(after, before)
    assert np.array_equal(again.weights(again.network.projections[0]), after)
    assert np.array_equal(
        rest.weights("pre->post"), whole.weights("pre->post")[-len(rest.weights("pre->post")) :]
    )


@pytest.mark.parametrize("cuts", [(0.05, 0.05), (0.0371, 0.0129, 0.05)])
def test_the_event_engine_resumes_too(tmp_path, cuts):
    def network():
        net = Network(seed=5)
        exc, inh = net.population(LIF(), 40, name="exc"), net.population(LIF(), 10, name="inh")
        net.connect(exc, inh, FixedProbability(0.2), weight=2e-3, delay=1.5e-3)
        net.connect(inh, exc, FixedProbability(0.2), weight=-2e-3, delay=2.7e-3)
        net.stimulate(exc, Constant(17e-3))
        net.stimulate(inh, Poisson(rate=800.0, weight=2e-3))
        net.probe(exc, "spikes")
        return net

    whole = Simulator(network(), engine="event").run(0.1)
    sim, pieces = Simulator(network(), engine="event"), []
    for cut in cuts:
        pieces.append(sim.run(cut))
        sim.save(tmp_path / "a.h5")
        sim = Simulator.load(tmp_path / "a.h5")
    assert pieces[-1].hash == whole.hash
    assert np.array_equal(
        np.concatenate([p.spikes("exc").times for p in pieces]), whole.spikes("exc").times
    )
    content = (tmp_path / "a.h5").read_bytes()
    for name in h5py.File(io.BytesIO(content[snapshot.BLOCK :]))["engine"]:
        refused(tmp_path, sealed(content, lambda file, name=name: file["engine"].pop(name)))


def test_saving_disturbs_nothing(tmp_path):
    sim = Simulator(network())
    sim.run(0.03)
    sim.save(tmp_path / "a.h5")
    sim.run(0.03)
    sim.save(tmp_path / "a.h5")  # over the old one
    assert sim.run(0.04).hash == Simulator(network()).run(0.1).hash
    assert Simulator.load(tmp_path / "a.h5").time == pytest.approx(0.06)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_the_description_is_saved_as_it_was_compiled(tmp_path):
    net = network()
    sim = Simulator(net)
    net.population(LIF(), 3, name="late")
    sim.save(tmp_path / "a.h5")
    assert len(Simulator.load(tmp_path / "a.h5").network.populations) == 2


def test_another_backend_may_go_on(tmp_path):
    sim = Simulator(network(probes=False), threads=1)
    sim.save(tmp_path / "a.h5")
    assert Simulator.load(tmp_path / "a.h5", backend="auto", threads=2).time == 0.0


def test_a_snapshot_is_an_hdf5_file(tmp_path, saved):
    (tmp_path / "a.h5").write_bytes(saved)
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"description", "arrays", "engine"}
        assert file["engine/exc.v"].shape == (60,)
        assert file["engine/step"][0] == 530


def refused(tmp_path, content):
    """The one sentence with which a file of this content is refused."""
    path = tmp_path / "bad.h5"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Simulator.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sixteenth", range(16))
def test_truncated(tmp_path, saved, sixteenth):
    refused(tmp_path, saved[: len(saved) * sixteenth // 16])


def test_one_byte_flipped(tmp_path, saved):
    for place in np.linspace(0, len(saved) - 1, 200).astype(int):
        changed = bytearray(saved)
        changed[place] ^= 0x10
        refused(tmp_path, bytes(changed))


def test_every_byte_of_the_header_counts(tmp_path, saved):
    for place in range(0, snapshot.BLOCK):
        changed = bytearray(saved)
        changed[place] ^= 0x01
        refused(tmp_path, bytes(changed))


def test_more_bytes_than_written(tmp_path, saved):
    assert "SHA-256" in refused(tmp_path, saved + b"\0")


def test_files_that_are_no_snapshots(tmp_path):
    assert "not a snapshot" in refused(tmp_path, b"")
    assert "not a snapshot" in refused(tmp_path, b"tau: 20e-3\n" * 100)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(10)
    assert "not a snapshot" in refused(tmp_path, (tmp_path / "other.h5").read_bytes())


def test_missing_and_folder(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Simulator.load(tmp_path / "none.h5")
    with pytest.raises(DataError, match="is not a file"):
        Simulator.load(tmp_path)


def test_newer_and_older_schema(tmp_path, saved):
    body = saved[snapshot.BLOCK :]
    for schema in (0, 2, 17):
        told = refused(tmp_path, snapshot._header(schema, body, "7.1") + body)
        assert f"has schema {schema}, written by Potentia 7.1; this version" in told
        assert "by a version that does not say which" in refused(
            tmp_path, snapshot._header(schema, body, "") + body
        )


def test_files_of_other_versions(tmp_path, saved):
    """One that does not say who wrote it, and names classes by their modules, goes on; else the
    writer is named.
    """
    body = saved[snapshot.BLOCK :]
    (tmp_path / "old").write_bytes(snapshot._header(snapshot.SCHEMA, body, "") + body)
    expected = Simulator.load(tmp_path / "old").run(20e-3).hash

    def rename(file):
        text = file["description"][()].tobytes()
        for room in (b"potentia.models.", b"potentia.sim."):
            assert room in text
            text = text.replace(room, room + b"of.old.")
        put("description", np.frombuffer(text, np.uint8))(file)

    (tmp_path / "older").write_bytes(sealed(saved, rename))
    assert Simulator.load(tmp_path / "older").run(20e-3).hash == expected
    less = rewrite(lambda words: words["network"]["populations"][0]["model"]["fields"].popitem())
    body = sealed(saved, less)[snapshot.BLOCK :]
    told = refused(tmp_path, snapshot._header(snapshot.SCHEMA, body, "7.1") + body)
    assert "has the fields" in told
    assert f"(the file was written by Potentia 7.1; this is {__version__})" in told
    told = refused(tmp_path, sealed(saved, less))
    assert f"(the file was written by Potentia {__version__}; this is {__version__})" in told


def sealed(saved, change):
    """The snapshot changed by a stranger who can compute hashes: only what is inside can give it
    away.
    """
    stream = io.BytesIO(saved[snapshot.BLOCK :])
    with h5py.File(stream, "r+") as file:
        change(file)
    body = stream.getvalue()
    return snapshot._header(snapshot.SCHEMA, body) + body


def put(name, array):
    def change(file):
        del file[name]
        file[name] = array

    return change


def rewrite(change):
    def inside(file):
        words = json.loads(file["description"][()].tobytes())
        change(words)
        put("description", np.frombuffer(json.dumps(words).encode(), np.uint8))(file)

    return inside


@pytest.mark.parametrize(
    "change",
    [
        put("engine/exc.v", np.zeros(61, np.float32)),
        put("engine/exc.v", np.zeros(60, np.float64)),
        put("engine/step", np.array([-1])),
        put("engine/exc.count", np.array([61])),
        put("engine/exc.history_count", np.full(71, 1 << 40)),
        put("engine/exc.fired", np.full(60, 60, np.uint32)),
        put("engine/inh.input1.cursor", np.array([-(1 << 40)])),
        put("engine/wiring", np.zeros(16, np.uint8)),
        lambda file: file["engine"].create_dataset("banana", data=1),
        lambda file: file.pop("engine"),
        lambda file: file["engine"].pop("exc.v"),
        lambda file: file.pop("description"),
        lambda file: file.pop("arrays"),
        lambda file: file["engine"].create_group("deep"),
        put("description", np.frombuffer(b"{", np.uint8)),
        put("description", np.frombuffer(b"\xff\xfe", np.uint8)),
        put("description", np.frombuffer(b"[]", np.uint8)),
        put("description", np.frombuffer(b"[" * 100_000, np.uint8)),
        rewrite(lambda words: words["options"].update(dt=0.0)),
        rewrite(lambda words: words["options"].update(dt=2e-4)),
        rewrite(lambda words: words["options"].update(dtype="float64")),
        rewrite(lambda words: words["options"].update(engine="warp")),
        rewrite(lambda words: words["options"].update(banana=1)),
        rewrite(lambda words: words["network"].update(seed=6)),
        rewrite(lambda words: words["network"]["populations"][0].update(n=59)),
        rewrite(lambda words: words["network"]["populations"][0].update(n=400_000_000)),
        rewrite(lambda words: words["options"].update(chunk=10**30)),
        rewrite(lambda words: words["options"].update(dt=1e-300)),
        put("engine/step", np.array([480_000_000_000])),
        put("engine/exc.v", np.full(60, np.nan, np.float32)),
        rewrite(
            lambda words: words["network"]["populations"][0]["model"].update({"class": "os.system"})
        ),
    ],
)
def test_a_well_sealed_lie_is_refused(tmp_path, saved, change):
    refused(tmp_path, sealed(saved, change))


def test_the_sealing_of_these_tests_is_sound(tmp_path, saved):
    (tmp_path / "a.h5").write_bytes(sealed(saved, lambda file: None))
    sim = Simulator.load(tmp_path / "a.h5")
    assert sim.run(0.047).hash == Simulator(network()).run(0.1).hash


def test_unwritable_places_are_named(tmp_path):
    sim = Simulator(network(probes=False))
    with pytest.raises(DataError, match="cannot be written"):
        sim.save(tmp_path / "no" / "such" / "folder.h5")
    with pytest.raises(DataError, match="cannot be written"):
        sim.save(tmp_path)
