from stabcert.cli.app import main

main()
