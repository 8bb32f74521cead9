"""What Jupyter's clients for Python do with the service: each section is one client, by its name."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
import types
import urllib.request

HOST, KEY, WHICH = os.environ['HOST'], os.environ['KEY'], sys.argv[1]
URL = f'http://{HOST}'


def notebook(*cells):
    import nbformat

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata['kernelspec'] = {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}
    return made


def through_gateway():
    """Its WebSocket shows no credential, so the key is part of the address."""
    from jupyter_server.gateway.gateway_client import GatewayClient
    from jupyter_server.gateway.managers import GatewayKernelManager

    client = GatewayClient.instance()
    client.url = f'{URL}/k/{KEY}/jupyter'
    # Unless it is told, it makes this of the other in lower case, the key too.
    client.ws_url = f'ws://{HOST}/k/{KEY}/jupyter'
    return GatewayKernelManager


def nbclient():
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    manager = through_gateway()
    plot = 'import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()'
    made = notebook("x = 6 * 7\nprint('hello')", 'x', plot)
    NotebookClient(made, timeout=60, kernel_manager_class=manager).execute()
    first, second, third = made.cells
    print('nbclient', first.outputs[0].text.strip(), second.outputs[0].data['text/plain'], sorted(third.outputs[0].data))
    try:
        NotebookClient(notebook('1 / 0'), timeout=60, kernel_manager_class=manager).execute()
    except CellExecutionError as error:
        print('nbclient error', error.ename, str(error).count('ZeroDivisionError: division'))


def papermill():
    import nbformat
    import papermill as mill

    through_gateway()
    made = notebook('a = 1', "print('total', a + 1)")
    made.cells[0].metadata['tags'] = ['parameters']
    nbformat.write(made, 'in.ipynb')
    manager = 'jupyter_server.gateway.managers.GatewayKernelManager'
    mill.execute_notebook('in.ipynb', 'out.ipynb', parameters={'a': 41}, kernel_manager_class=manager, progress_bar=False)
    print('papermill', nbformat.read('out.ipynb', 4).cells[-1].outputs[0].text.strip())


def kernel_client():
    from jupyter_kernel_client import JupyterKernelClient

    with JupyterKernelClient(server_url=f'{URL}/jupyter', token=KEY) as kernel:
        ran = kernel.execute("x = 1\nprint('hi')\nx + 1")
        print('kernel client', ran['status'], [output['output_type'] for output in ran['outputs']], ran['execution_count'])
        print('kernel client error', kernel.execute('1 / 0')['outputs'][0]['ename'])
        kernel.interrupt()
        kernel.restart()
        print('kernel client restarted', kernel.execute("'x' in globals()")['outputs'][0]['data']['text/plain'])


def server_client():
    from jupyter_server_client import JupyterServerClient

    client = JupyterServerClient(base_url=f'{URL}/jupyter/home', token=KEY)
    client.contents.create_notebook('made.ipynb')
    print('server client', [model.name for model in client.contents.list_directory('')], client.kernels.list_kernels())


def autogen():
    from autogen_core import CancellationToken
    from autogen_core.code_executor import CodeBlock
    from autogen_ext.code_executors.docker_jupyter import DockerJupyterCodeExecutor
    from autogen_ext.code_executors.docker_jupyter._jupyter_server import JupyterConnectionInfo

    async def use():
        # It pastes the host in front of its paths.
        info = JupyterConnectionInfo(host=f'{HOST}/jupyter', use_https=False, port=None, token=KEY)
        async with DockerJupyterCodeExecutor(info, kernel_name='python3', timeout=60, output_dir='.') as executor:
            async def run(*codes):
                blocks = [CodeBlock(language='python', code=code) for code in codes]
                return await executor.execute_code_blocks(blocks, CancellationToken())

            ran = await run("x = 41\nprint('hi')", 'x + 1')
            print('autogen', ran.exit_code, repr(ran.output))
            table = await run("import pandas as pd\npd.DataFrame({'a': [1]})")
            print('autogen table', table.exit_code, [os.path.splitext(path)[1] for path in table.output_files])
            failed = await run('1 / 0')
            print('autogen error', failed.exit_code, failed.output.count('Traceback'))

    asyncio.run(use())


def open_webui():
    """Its own module, out of its wheel: the rest of the program is not needed for it."""
    env = types.ModuleType('open_webui.env')
    env.AIOHTTP_CLIENT_ALLOW_REDIRECTS = True
    codec = types.ModuleType('open_webui.utils.json_codec')
    codec.JSONCodec = json
    package = types.ModuleType('open_webui')
    # Its own begin is the command line of the whole program, which needs much more.
    package.__path__ = [os.path.join(os.environ['WEBUI'], 'open_webui')]
    sys.modules.update({'open_webui': package, 'open_webui.env': env, 'open_webui.utils.json_codec': codec})
    from open_webui.utils.code_interpreter import execute_code_jupyter

    def run(code, path='', timeout=60):
        return asyncio.run(execute_code_jupyter(f'{URL}/jupyter{path}', code, KEY, '', timeout))

    print('open webui', run("print('hi')\n6 * 7"))
    print('open webui error', run('1 / 0')['stderr'].count('Traceback'))
    run("open('kept.txt', 'w').write('kept')", '/home')
    print('open webui home', run("print(open('kept.txt').read())", '/home/')['stdout'])
    print('open webui large', len(run("print('x' * 1_500_000)")['stdout']))
    image = "import base64, os\ndisplay({'text/plain': 'fig', 'image/png': base64.b64encode(os.urandom(1_500_000)).decode()}, raw=True)"
    print('open webui image', run(image)['result'])
    print('open webui loop', run('while True: pass', timeout=3)['stderr'])


def gateway():
    """A Jupyter server of the user's own in front, as JupyterLab and Notebook 7 use it."""
    import websockets

    port = os.environ['LAB_PORT']
    options = [f'--ServerApp.port={port}', '--ServerApp.port_retries=0', '--ServerApp.ip=127.0.0.1', '--no-browser', '--allow-root']
    options += ['--IdentityProvider.token=lab', f'--gateway-url={URL}/jupyter', f'--GatewayClient.auth_token={KEY}']
    process = subprocess.Popen([sys.executable, '-m', 'jupyter_server', *options], stderr=subprocess.DEVNULL)

    def call(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f'http://127.0.0.1:{port}{path}', data, {'Authorization': 'token lab'}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    async def run(socket, code):
        header = {'msg_id': base64.b16encode(os.urandom(8)).decode(), 'msg_type': 'execute_request', 'session': 's'}
        header |= {'username': 'u', 'date': '2026-01-01T00:00:00Z', 'version': '5.3'}
        content = {'code': code, 'silent': False, 'store_history': True, 'user_expressions': {}, 'allow_stdin': False}
        message = {'header': header, 'parent_header': {}, 'metadata': {}, 'content': content, 'channel': 'shell', 'buffers': []}
        await socket.send(json.dumps(message))
        shown, status, is_idle = [], None, False
        while not (status and is_idle):
            said = json.loads(await asyncio.wait_for(socket.recv(), 30))
            if said['parent_header'].get('msg_id') != header['msg_id']:
                continue
            if said['msg_type'] == 'status':
                is_idle = said['content']['execution_state'] == 'idle'
            elif said['msg_type'] == 'execute_reply':
                status = said['content']['status']
            else:
                shown.append(said['msg_type'])
        return status, shown

    async def use(kernel):
        address = f'ws://127.0.0.1:{port}/api/kernels/{kernel}/channels?session_id=s'
        async with websockets.connect(address, additional_headers={'Authorization': 'token lab'}) as socket:
            print('gateway', *await run(socket, "print('through')\n1"))
            await asyncio.to_thread(call, 'POST', f'/api/kernels/{kernel}/restart')
            print('gateway restarted', *await run(socket, '_'))
            running = asyncio.create_task(run(socket, 'import time; time.sleep(30)'))
            await asyncio.sleep(1)
            await asyncio.to_thread(call, 'POST', f'/api/kernels/{kernel}/interrupt')
            print('gateway interrupted', *await running)

    try:
        for _ in range(200):
            try:
                call('GET', '/api')
                break
            except OSError:
                time.sleep(0.2)
        print('gateway specs', sorted(call('GET', '/api/kernelspecs')['kernelspecs']))
        session = call('POST', '/api/sessions', {'path': 'n.ipynb', 'type': 'notebook', 'name': 'n', 'kernel': {'name': 'python3'}})
        asyncio.run(use(session['kernel']['id']))
        call('DELETE', f"/api/sessions/{session['id']}")
        print('gateway left', call('GET', '/api/kernels'))
    finally:
        process.terminate()
        process.wait(20)


{
    'nbclient': nbclient,
    'papermill': papermill,
    'kernel_client': kernel_client,
    'server_client': server_client,
    'autogen': autogen,
    'open_webui': open_webui,
    'gateway': gateway,
}[WHICH]()
