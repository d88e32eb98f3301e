from tests.rpc.demo import *
from tests.rpc.pairs import *
async def test_smoke():
    p = pair(chunk=7)
    r = await p.client.call(p.root, STORE.open, Named("hey"))
    assert r.size==3
    assert (await p.client.call(r.box, BOX.name, Empty())).name=="hey"
    print(p.server.sizes, p.client.sizes)
    c = p.client.start_call(p.root, STORE.open, Named("piped"))
    box = c.capability("box")
    assert (await p.client.call(box, BOX.put, Item(3))).count==1
    w = Watcher()
    assert (await p.client.call(p.root, STORE.watch, Watch(w, 5))).calls==5
    assert w.releases==1
    await p.close()
