"""What trains: data and configuration in; weights, specification and a reference out."""
