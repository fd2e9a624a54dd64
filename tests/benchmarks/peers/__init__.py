"""The servers that GoSIP is compared with: installed by `./gosip bench`, started here on loopback, ended by pid."""
