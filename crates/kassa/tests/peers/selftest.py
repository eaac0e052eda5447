"""Runs the self-test of every foreign peer: `python3 selftest.py`, with the packages of requirements.txt.

TEST_PEERS_NODE, a folder with the packages of package.json, adds the host on npm's library.
"""

import selftest_3ds
import selftest_acquirer

if __name__ == "__main__":
    selftest_acquirer.main()
    selftest_3ds.main()
