"""What a spec claims, proved from its formula or refused."""
